/** Values as people write them on a command line: JSON where it is JSON, else the text itself. `-` is standard input. */
import { Effect, Option, Redacted } from "effect"
import * as Prompt from "effect/cli/Prompt"
import { failed, usage } from "./Failure.ts"

export interface ValueOptions {
  /** The text itself, whatever it looks like. */
  readonly asText: boolean
}

/** A value that stands on the command line, or comes from standard input so that it stands in no shell's history. */
export const valueOf = Effect.fnUntraced(function* (text: string, options: ValueOptions) {
  return yield* text === "-" ? Effect.flatMap(fromStandardInput, (text) => parse(text, options)) : parse(text, options)
})

const parse = (text: string, { asText }: ValueOptions) => {
  if (asText) return Effect.succeed(text)
  const json = Option.liftThrowable((text: string): unknown => JSON.parse(text))(text)
  if (Option.isSome(json)) return Effect.succeed(json.value)
  // Never with what stands there: it may be a secret.
  return /^\s*[[{"]/.test(text)
    ? Effect.fail(
        usage(
          "the value begins like JSON and is none",
          "quote it for the shell, or add --string to set the text as it is",
        ),
      )
    : Effect.succeed(text)
}

/** At most so much is read: a value is not a file. */
const maxBytes = 1 << 24

const fromStandardInput = Effect.gen(function* () {
  const text = process.stdin.isTTY === true ? yield* askHidden : (yield* readStandardInput).replace(/\r?\n$/, "")
  if (text !== "") return text
  return yield* usage("standard input was empty", "pipe the value in: `signalbox config set PATH - < file`")
})

const askHidden = Effect.gen(function* () {
  const NodeServices = yield* Effect.promise(() => import("@effect/platform-node/NodeServices"))
  const answer = yield* Effect.provide(Prompt.run(Prompt.Password({ message: "value" })), NodeServices.layer)
  return Redacted.value(answer)
})

/** All of standard input, as UTF-8. */
export const readStandardInput = Effect.tryPromise({
  try: async () => {
    const chunks: Array<Buffer> = []
    let bytes = 0
    for await (const chunk of process.stdin) {
      bytes += chunk.length
      if (bytes > maxBytes) throw new Error("it is longer than 16 MiB")
      chunks.push(chunk)
    }
    // Not with U+FFFD for what is none: a secret that was changed on its way is refused by its provider, and nobody knows why.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks))
  },
  catch: (error) =>
    failed("input", `standard input cannot be read (${error instanceof Error ? reasonOf(error) : "unknown"})`),
})

const reasonOf = (error: Error): string =>
  "code" in error && error.code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? "it is not UTF-8" : error.message
