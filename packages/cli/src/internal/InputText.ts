/** Texts of documents that a command is given: a file, or standard input. */
import { closeSync, openSync, readSync } from "node:fs"
import { Effect } from "effect"
import { codeOf } from "./errorCode.ts"
import { type Failure, failed } from "./Failure.ts"
import { line } from "./TextFormat.ts"
import { readStandardInput } from "./ValueArgument.ts"

export interface Given {
  /** What people call it. */
  readonly name: string
  readonly text: string
}

// A document is not larger; what is, was not meant.
const maxBytes = 1 << 26
const chunkBytes = 1 << 16

export const readGiven = (file: string): Effect.Effect<Given, Failure> =>
  file === "-"
    ? Effect.map(readStandardInput, (text) => ({ name: "standard input", text }))
    : Effect.try({
        try: () => ({ name: file, text: new TextDecoder("utf-8", { fatal: true }).decode(bytesOf(file)) }),
        catch: (error) => failed("input", `${line(file)} cannot be read (${reason(error)})`, remedies[codeOf(error)]),
      })

/** Counted as they come: a pipe and a device do not say how much they hold. */
const bytesOf = (file: string): Buffer => {
  const fd = openSync(file, "r")
  try {
    const chunks: Array<Buffer> = []
    for (let bytes = 0; ; ) {
      const chunk = Buffer.alloc(chunkBytes)
      const read = readSync(fd, chunk)
      if (read === 0) return Buffer.concat(chunks)
      bytes += read
      if (bytes > maxBytes) throw new Error("it is larger than 64 MiB")
      chunks.push(chunk.subarray(0, read))
    }
  } finally {
    closeSync(fd)
  }
}

const remedies: Readonly<Record<string, string>> = {
  ENOENT: "it is not there: name a file, or - for standard input",
  EISDIR: "it is a directory: name a file",
  EACCES: "give this user the right to read it",
  ERR_ENCODING_INVALID_ENCODED_DATA: "save it as UTF-8",
}

const reason = (error: unknown): string => {
  if (!(error instanceof Error)) return "unknown"
  if ("code" in error && error.code === "ERR_ENCODING_INVALID_ENCODED_DATA") return "it is not UTF-8"
  return "code" in error ? String(error.code) : error.message
}
