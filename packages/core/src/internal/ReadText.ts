/** Reads a whole text file with a bound on its size. */
import { ByteSize, Effect, type FileSystem, Option, type PlatformError } from "effect"
import { SourceUnavailable } from "../ConfigError.ts"
import { sameFile } from "./FileIdentity.ts"
import { type ManagedFile, unavailable } from "./ManagedFile.ts"
import type { HashedText, RecentTexts } from "./RecentTexts.ts"

/** A larger configuration is a mistake, and reading it would stall the program. */
const maxBytes = 16 * 1024 * 1024

export interface TextFile extends Pick<HashedText, "text" | "hash"> {
  /** Of the file that was read, even if another file has its name now. */
  readonly info: FileSystem.File.Info
}

/** Refuses what is not a file (`EISDIR`, `EINVAL`), too large (`EFBIG`) or not UTF-8 (`EILSEQ`): writing such a text back would destroy it. */
export const readText = Effect.fnUntraced(function* (
  managed: Pick<ManagedFile, "fs" | "texts">,
  file: string,
): Effect.fn.Return<TextFile, SourceUnavailable> {
  const refuse = (code: string, detail: string) =>
    Effect.fail(new SourceUnavailable({ path: file, code, detail: `${file} ${detail}` }))
  const failed = Effect.mapError(unavailable(file))
  // Before opening: opening a FIFO would wait for a writer.
  const { type } = yield* failed(managed.fs.stat(file))
  if (type === "Directory") return yield* refuse("EISDIR", "is a directory")
  if (type !== "File") return yield* refuse("EINVAL", `is no regular file but a ${type}`)
  const { bytes, info } = yield* failed(Effect.scoped(readBytes(managed, file)))
  if (bytes.length > maxBytes) return yield* refuse("EFBIG", `is larger than ${maxBytes} bytes`)
  const found = yield* managed.texts.ofBytes(bytes)
  if (Option.isNone(found)) return yield* refuse("EILSEQ", "is not UTF-8 text")
  const { hash, text } = found.value
  return { text, hash, info }
})

/** Refuses a text that `readText` would refuse for its size (`EFBIG`). */
export const encodeText = (
  { texts }: Pick<ManagedFile, "texts">,
  file: string,
  text: string,
): Effect.Effect<Uint8Array, SourceUnavailable> => {
  const bytes = texts.bytesOf(text)
  if (bytes.length <= maxBytes) return Effect.succeed(bytes)
  const detail = `${bytes.length} bytes are more than the ${maxBytes} that would be read again`
  return Effect.fail(new SourceUnavailable({ path: file, code: "EFBIG", detail }))
}

/** An editor that saves in place may be writing during the read; the file is then read again. */
const maxReads = 5

const readBytes = Effect.fnUntraced(function* ({ fs, texts }: Pick<ManagedFile, "fs" | "texts">, file: string) {
  const handle = yield* fs.open(file, { flag: "r" })
  let info = yield* handle.stat
  for (let reads = 1; ; reads++) {
    const bytes = yield* readOnce(handle, info, texts)
    const after = yield* handle.stat
    const isWhole = Number(ByteSize.toBigInt(after.size)) === bytes.length && sameFile(info, after)
    if (isWhole || bytes.length > maxBytes || reads === maxReads) return { bytes, info: after }
    info = after
  }
})

const readOnce = Effect.fnUntraced(function* (
  handle: FileSystem.File,
  info: FileSystem.File.Info,
  texts: RecentTexts,
): Effect.fn.Return<Uint8Array, PlatformError.PlatformError> {
  // One byte more than expected, so that a file that does not grow is read in one piece.
  let buffer = texts.buffer(Math.min(Number(ByteSize.toBigInt(info.size)), maxBytes) + 1)
  let length = 0
  while (true) {
    length += yield* handle.read(buffer.subarray(length), { position: BigInt(length) })
    // A short read is the end of a regular file.
    if (length < buffer.length || length > maxBytes) return buffer.subarray(0, length)
    const larger = new Uint8Array(Math.min(Math.max(2 * length, 64 * 1024), maxBytes + 1))
    larger.set(buffer)
    buffer = larger
  }
})
