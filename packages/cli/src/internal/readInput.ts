/** Reads a text that a command is given: a file, or `-` for standard input. */
import { closeSync, openSync, readSync } from "node:fs"
import { Effect } from "effect"
import { errorCode } from "./errorCode.ts"
import { type Failure, failed } from "./Failure.ts"
import { readStandardInput } from "./readStandardInput.ts"
import { escapeLine } from "./TextFormat.ts"

export interface Input {
  /** The name in messages: the path, or "standard input". */
  readonly name: string
  readonly text: string
}

// The limit of a document.
const maxBytes = 1 << 26
const chunkBytes = 1 << 16

export const readInput = (file: string): Effect.Effect<Input, Failure> =>
  file === "-"
    ? Effect.map(readStandardInput, (text) => ({ name: "standard input", text }))
    : Effect.try({
        try: () => ({ name: file, text: new TextDecoder("utf-8", { fatal: true }).decode(bytesOf(file)) }),
        catch: (error) =>
          failed("input", `${escapeLine(file)} cannot be read (${reasonOf(error)})`, remedies[errorCode(error)]),
      })

/** Counts while it reads, because the size of a pipe or device is not known beforehand. */
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
  ENOENT: "the file does not exist: name another, or - for standard input",
  EISDIR: "it is a directory: name a file",
  EACCES: "give this user the right to read it",
  ERR_ENCODING_INVALID_ENCODED_DATA: "save it as UTF-8",
}

const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return "unknown"
  if ("code" in error && error.code === "ERR_ENCODING_INVALID_ENCODED_DATA") return "it is not UTF-8"
  return "code" in error ? String(error.code) : error.message
}
