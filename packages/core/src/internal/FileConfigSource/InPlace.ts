/**
 * Writes a document that cannot be replaced, because its name is a mount point. The history has the old text first, and a file beside the document has
 * the new one until the write is durable, so that the next holder of the lock can complete a write that a crash has cut.
 */
import { ByteSize, Effect, Option } from "effect"
import { SourceUnavailable } from "../../ConfigError.ts"
import { replacedOutside } from "../../MountedFile.ts"
import { sameFile } from "../FileIdentity.ts"
import { displacedHashes, displacedName } from "../LeftoverNames.ts"
import { type ManagedFile, unavailable } from "../ManagedFile.ts"
import { readText, type TextFile } from "../ReadText.ts"
import * as Utf8 from "../Utf8.ts"
import type { FileHistory } from "./FileHistory.ts"

/** Returns `false` if the file has changed since it was read: nothing was written. The caller holds the lock. */
export const writeInPlace = Effect.fnUntraced(function* (
  document: ManagedFile,
  history: FileHistory,
  real: string,
  found: TextFile,
  bytes: Uint8Array,
  after: string,
) {
  const { atomic, fs, path } = document
  const failed = Effect.mapError(unavailable(real))
  if (Option.getOrUndefined(found.info.nlink) === 0n) {
    return yield* Effect.fail(new SourceUnavailable({ path: real, code: "ESTALE", detail: replacedOutside(real) }))
  }
  yield* history.keep(found.text, found.hash)
  const temporary = yield* failed(atomic.prepare(real, bytes))
  const intent = displacedName(temporary, found.hash, after)
  const discard = Effect.andThen(
    Effect.ignore(fs.remove(temporary, { force: true })),
    Effect.ignore(fs.remove(intent, { force: true })),
  )
  const prepared = Effect.andThen(fs.rename(temporary, intent), atomic.syncDirectory(path.dirname(real)))
  yield* Effect.onError(failed(prepared), () => discard)
  if (!sameFile(yield* failed(fs.stat(real)), found.info)) return yield* Effect.as(discard, false)
  // After a failure the intent stays: the next holder of the lock completes the write.
  yield* failed(overwrite(document, real, bytes, Number(ByteSize.toBigInt(found.info.size))))
  yield* Effect.ignore(fs.chmod(real, 0o600))
  yield* discard
  return true
})

/**
 * Completes a write in place that a crash has cut: the document is neither the text before nor the one after, but each of its bytes comes from one of
 * them. Any other text is an editor's. Returns whether it did.
 */
export const completeInPlace = Effect.fnUntraced(function* (
  document: ManagedFile,
  history: FileHistory,
  real: string,
  intent: string,
) {
  const [before, after] = displacedHashes(intent)
  const next = yield* readText(document, intent)
  if (!next.hash.startsWith(after) || before === after) return false
  // A text that was cut within a character cannot be read.
  const current = Option.getOrUndefined(yield* Effect.option(readText(document, real)))
  if (current !== undefined && (current.hash.startsWith(before) || current.hash.startsWith(after))) return false
  const bytes = yield* Effect.mapError(document.fs.readFile(real), unavailable(real))
  const old = (yield* history.history.list).find((entry) => entry.hash.startsWith(before))
  const previous = old && (yield* history.history.read(old.hash))
  if (previous === undefined) return false
  const [from, to] = [Utf8.encodeUnmarked(previous.text), Utf8.encodeUnmarked(next.text)]
  if (!isMixOf(bytes, from, to)) return false
  yield* Effect.mapError(overwrite(document, real, to, bytes.length), unavailable(real))
  return true
})

/** Padded with newlines to the old length, so that a reader between the two steps finds a whole document. */
const overwrite = ({ fs }: ManagedFile, real: string, bytes: Uint8Array, oldLength: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const handle = yield* fs.open(real, { flag: "r+" })
      const padded = new Uint8Array(Math.max(bytes.length, oldLength)).fill(newline)
      padded.set(bytes)
      yield* handle.writeAll(padded)
      if (padded.length > bytes.length) yield* handle.truncate(bytes.length)
      yield* handle.sync
    }),
  )

const newline = 10

/** A length between both is that of a write which was cut while it made the file longer. */
const isMixOf = (bytes: Uint8Array, from: Uint8Array, to: Uint8Array): boolean => {
  if (bytes.length < Math.min(from.length, to.length) || bytes.length > Math.max(from.length, to.length)) return false
  return bytes.every((byte, at) => byte === from[at] || byte === (at < to.length ? to[at] : newline))
}
