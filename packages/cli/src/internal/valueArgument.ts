/** Reads values from the command line: JSON if the text is JSON, else the text itself. `-` reads standard input, which keeps secrets out of the history. */
import { Effect, Option, Redacted } from "effect"
import * as Prompt from "effect/cli/Prompt"
import { usage } from "./Failure.ts"
import { readStandardInput } from "./readStandardInput.ts"

export interface ValueOptions {
  /** Take the text as it is, even if it looks like JSON. */
  readonly asText: boolean
}

export const valueArgument = Effect.fnUntraced(function* (text: string, options: ValueOptions) {
  return yield* parse(text === "-" ? yield* standardInputValue : text, options)
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

const standardInputValue = Effect.gen(function* () {
  const text = process.stdin.isTTY === true ? yield* promptHidden : (yield* readStandardInput).replace(/\r?\n$/, "")
  if (text !== "") return text
  return yield* usage("standard input was empty", "pipe the value in: `signalbox config set PATH - < file`")
})

const promptHidden = Effect.gen(function* () {
  const NodeServices = yield* Effect.promise(() => import("@effect/platform-node/NodeServices"))
  const value = yield* Effect.provide(Prompt.run(Prompt.Password({ message: "value" })), NodeServices.layer)
  return Redacted.value(value)
})
