/** Reads values from the command line: JSON if the text is JSON, else the text itself. `-` reads standard input, which keeps secrets out of the history. */
import { Effect, Option, Redacted } from "effect"
import * as Prompt from "effect/cli/Prompt"
import { usage } from "./Failure.ts"
import { readStandardInput } from "./readStandardInput.ts"
import { escapeLine } from "./TextFormat.ts"

export interface ValueOptions {
  /** Take the text as it is, even if it looks like JSON. */
  readonly asText: boolean
  /** What the value is for, as the user wrote it. */
  readonly name: string
}

export const valueArgument = Effect.fnUntraced(function* (text: string, options: ValueOptions) {
  return yield* parse(text === "-" ? yield* standardInputValue(options.name) : text, options)
})

const parse = (text: string, { asText }: ValueOptions) => {
  if (asText) return Effect.succeed(text)
  const json = Option.liftThrowable((text: string): unknown => JSON.parse(text))(text)
  if (Option.isSome(json)) return Effect.succeed(json.value)
  // The message never quotes the value: it may be a secret.
  return /^\s*[[{"]/.test(text)
    ? Effect.fail(
        usage(
          "the value begins like JSON but is not valid JSON",
          "quote it for the shell, or add --string to set text",
        ),
      )
    : Effect.succeed(text)
}

const standardInputValue = Effect.fnUntraced(function* (name: string) {
  const text =
    process.stdin.isTTY === true ? yield* promptHidden(name) : (yield* readStandardInput).replace(/\r?\n$/, "")
  if (text !== "") return text
  return yield* usage(`standard input has no value for ${name}`, "pipe the value in: `… - < file`")
})

const promptHidden = Effect.fnUntraced(function* (name: string) {
  const NodeServices = yield* Effect.promise(() => import("@effect/platform-node/NodeServices"))
  const value = yield* Effect.provide(
    Prompt.run(Prompt.Password({ message: `Value of ${escapeLine(name)} (not shown while you type)` })),
    NodeServices.layer,
  )
  return Redacted.value(value)
})
