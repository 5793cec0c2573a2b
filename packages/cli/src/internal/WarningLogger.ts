/** What the libraries log while a command works on the files: warnings and worse, as lines on standard error. */
import { Cause, Logger } from "effect"
import { paintErrors } from "./Print.ts"
import { given } from "./reportFailure.ts"
import { line } from "./TextFormat.ts"

export const warnings = (args: ReadonlyArray<string>): Logger.Logger<unknown, void> =>
  Logger.make(({ logLevel, message }) => {
    if (logLevel !== "Warn" && logLevel !== "Error" && logLevel !== "Fatal") return
    // There standard error holds problems alone.
    if (given(args, "--json")) return
    const parts = Array.isArray(message) ? message : [message]
    const text = parts.map((part) => (Cause.isCause(part) ? Cause.pretty(part) : String(part))).join(" ")
    process.stderr.write(`${paintErrors().yellow("warning:")} ${line(text)}\n`)
  })
