/** Reads all of standard input as UTF-8, at most 16 MiB. */
import { Effect } from "effect"
import { failed } from "./Failure.ts"

const maxBytes = 1 << 24

export const readStandardInput = Effect.tryPromise({
  try: async () => {
    const chunks: Array<Buffer> = []
    let bytes = 0
    for await (const chunk of process.stdin) {
      bytes += chunk.length
      if (bytes > maxBytes) throw new Error("it is longer than 16 MiB")
      chunks.push(chunk)
    }
    // Fatal: a secret with U+FFFD in it would be written, and later refused by its provider for no visible reason.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks))
  },
  catch: (error) =>
    failed("input", `standard input cannot be read (${error instanceof Error ? reasonOf(error) : "unknown"})`),
})

const reasonOf = (error: Error): string =>
  "code" in error && error.code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? "it is not UTF-8" : error.message
