/** A logger for commands that work on the files: prints warnings and errors of the libraries on standard error. */
import { Cause, Logger } from "effect"
import { hasFlag } from "./hasFlag.ts"
import { stderrColors } from "./Print.ts"
import { escapeLine } from "./TextFormat.ts"

export const warningLogger = (args: ReadonlyArray<string>): Logger.Logger<unknown, void> =>
  Logger.make(({ logLevel, message }) => {
    if (logLevel !== "Warn" && logLevel !== "Error" && logLevel !== "Fatal") return
    // With --json, standard error holds problems only.
    if (hasFlag(args, "--json")) return
    const parts = Array.isArray(message) ? message : [message]
    const text = parts.map((part) => (Cause.isCause(part) ? Cause.pretty(part) : String(part))).join(" ")
    process.stderr.write(`${stderrColors().yellow("warning:")} ${escapeLine(text)}\n`)
  })
