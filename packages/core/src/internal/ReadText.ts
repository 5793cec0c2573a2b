/** Reads a whole text file with a bound on its size. */
import { ByteSize, Bytes, Effect, type FileSystem, Option } from "effect"
import { SourceUnavailable } from "../ConfigError.ts"
import { sameFile } from "./FileIdentity.ts"
import { type ManagedFile, unavailable } from "./ManagedFile.ts"
import * as Utf8 from "./Utf8.ts"

/** A larger configuration is a mistake, and reading it would stall the program. */
const maxBytes = 16 * 1024 * 1024

export interface TextFile {
  readonly text: string
  readonly hash: string
  /** Of the file that was read, even if another file has its name now. */
  readonly info: FileSystem.File.Info
}

/** Refuses what is not a file (`EISDIR`, `EINVAL`), too large (`EFBIG`) or not UTF-8 (`EILSEQ`): writing such a text back would destroy it. */
export const readText = Effect.fnUntraced(function* (
  managed: Pick<ManagedFile, "fs" | "hashBytes">,
  file: string,
): Effect.fn.Return<TextFile, SourceUnavailable> {
  const refuse = (code: string, detail: string) =>
    Effect.fail(new SourceUnavailable({ path: file, code, detail: `${file} ${detail}` }))
  const failed = Effect.mapError(unavailable(file))
  // Before opening: opening a FIFO would wait for a writer.
  const { type } = yield* failed(managed.fs.stat(file))
  if (type === "Directory") return yield* refuse("EISDIR", "is a directory")
  if (type !== "File") return yield* refuse("EINVAL", `is no regular file but a ${type}`)
  const { bytes, info } = yield* failed(Effect.scoped(readBytes(managed.fs, file)))
  if (bytes.length > maxBytes) return yield* refuse("EFBIG", `is larger than ${maxBytes} bytes`)
  const text = Utf8.decode(bytes)
  if (Option.isNone(text)) return yield* refuse("EILSEQ", "is not UTF-8 text")
  // The hash is that of the text: a byte order mark does not count.
  const hash = yield* managed.hashBytes(bytes[0] === 0xef ? Utf8.encodeUnmarked(text.value) : bytes)
  return { text: text.value, hash, info }
})

/** Refuses a text that `readText` would refuse for its size (`EFBIG`). */
export const encodeText = (file: string, text: string): Effect.Effect<Uint8Array, SourceUnavailable> => {
  const bytes = Utf8.encodeUnmarked(text)
  if (bytes.length <= maxBytes) return Effect.succeed(bytes)
  const detail = `${bytes.length} bytes are more than the ${maxBytes} that would be read again`
  return Effect.fail(new SourceUnavailable({ path: file, code: "EFBIG", detail }))
}

/** An editor that saves in place may be writing during the read; the file is then read again. */
const maxReads = 5

const readBytes = Effect.fnUntraced(function* (fs: FileSystem.FileSystem, file: string) {
  const handle = yield* fs.open(file, { flag: "r" })
  let info = yield* handle.stat
  for (let reads = 1; ; reads++) {
    const bytes = yield* readOnce(handle, info)
    const after = yield* handle.stat
    const isWhole = Number(ByteSize.toBigInt(after.size)) === bytes.length && sameFile(info, after)
    if (isWhole || bytes.length > maxBytes || reads === maxReads) return { bytes, info: after }
    info = after
  }
})

const readOnce = Effect.fnUntraced(function* (handle: FileSystem.File, info: FileSystem.File.Info) {
  const parts: Array<Uint8Array> = []
  let length = 0
  // One byte more than expected, so that a file that does not grow is read in one piece.
  let size = Math.min(Number(ByteSize.toBigInt(info.size)), maxBytes) + 1
  while (length <= maxBytes) {
    const part = yield* handle.readAlloc(size, { position: BigInt(length) })
    if (Option.isNone(part)) break
    parts.push(part.value)
    length += part.value.length
    // A short read is the end of a regular file.
    if (part.value.length < size) break
    size = 64 * 1024
  }
  return parts.length === 1 ? parts[0]! : Bytes.concat(parts)
})
