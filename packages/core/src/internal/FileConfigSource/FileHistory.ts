/**
 * Keeps documents in `history/` beside the document: one file each, 0600, named by time and hash, whole and durable before its name exists. Every
 * change of the directory runs under the document's lock. Keeping a document costs one reading of the directory, however much it holds.
 */
import { ByteSize, Clock, Effect } from "effect"
import { type Busy, SourceUnavailable } from "../../ConfigError.ts"
import type { DocumentLock } from "../DocumentLock.ts"
import {
  beyondBounds,
  type History,
  type HistoryBounds,
  type HistoryEntry,
  isKept,
  type Keeping,
  type NeverInForce,
} from "../History.ts"
import { isTemporary, shortHashDigits } from "../LeftoverNames.ts"
import { type ManagedFile, orMissing, unavailable } from "../ManagedFile.ts"
import { encodeText, readText } from "../ReadText.ts"
import { tighten } from "./Modes.ts"

export interface FileHistory {
  readonly history: History
  /** `history.keep` for a caller that holds the lock. */
  readonly keep: History["keep"]
  /** Removes what a dead writer left, for a caller that holds the lock. */
  readonly sweep: Effect.Effect<void>
  /** Whether there is something to sweep, for a caller that does not hold the lock. */
  readonly hasLeftovers: Effect.Effect<boolean>
}

interface File extends HistoryEntry {
  readonly name: string
}

export const makeFileHistory = (
  document: ManagedFile,
  { underLock }: DocumentLock,
  bounds: HistoryBounds,
): FileHistory => {
  const { atomic, fs, path } = document
  const base = path.basename(document.name)
  const directory = path.join(path.dirname(document.name), "history")
  const at = (name: string) => path.join(directory, name)
  const sizes = makeSizes(document, at)
  const failed = Effect.mapError(unavailable(directory))

  /** Another user's directory may hold documents that were never in force here. */
  const trusted = Effect.flatMap(failed(document.distrust(directory)), (foreign) =>
    foreign === undefined
      ? Effect.void
      : Effect.fail(new SourceUnavailable({ path: directory, code: "EPERM", detail: foreign })),
  )
  const names = Effect.andThen(trusted, orMissing(directory, [])(fs.readDirectory(directory)))
  const filesIn = (names: ReadonlyArray<string>) => sizes.add(newestFirst(names, base))
  const files = Effect.flatMap(names, filesIn)
  const put = (name: string, text: string) =>
    Effect.gen(function* () {
      const bytes = yield* encodeText(document, at(base), text)
      const temporary = yield* failed(atomic.prepare(at(base), bytes))
      yield* Effect.onError(failed(fs.rename(temporary, at(name))), () => Effect.ignore(fs.remove(temporary)))
      sizes.set(name, bytes.length)
      return bytes.length
    })
  const remove = ({ name }: File) => orMissing(directory, undefined)(fs.remove(at(name)))
  const sweepIn = (names: ReadonlyArray<string>) =>
    Effect.forEach(
      names.filter((name) => isTemporary(base, name)),
      (name) => Effect.ignore(fs.remove(at(name))),
      { discard: true },
    )

  const keep = Effect.fnUntraced(function* (text: string, hash: string, keeping: Keeping = {}) {
    const listed = yield* names
    const found = yield* filesIn(listed)
    if (isKept(found, hash, keeping)) return
    if (listed.length === 0) yield* failed(atomic.makeDirectory(directory))
    yield* sweepIn(listed)
    yield* tighten(document, directory)
    const time = Math.max(yield* Clock.currentTimeMillis, (found[0]?.at ?? 0) + 1)
    const name = formatName(time, hash, keeping, base)
    const bytes = yield* put(name, text)
    yield* failed(atomic.syncDirectory(directory))
    const kept: File = { ...parseName(name, base), name, hash, at: time, bytes }
    yield* Effect.ignore(Effect.forEach(beyondBounds([kept, ...found], bounds), remove, { discard: true }))
  })
  const rewrite = Effect.fnUntraced(function* (f: (text: string) => string) {
    const found = yield* files
    // One text that cannot be rewritten must not keep secrets in the others.
    const [, failures] = yield* Effect.partition(found, ({ name }) =>
      Effect.flatMap(readText(document, at(name)), ({ text }) => {
        const next = f(text)
        return next === text ? Effect.void : Effect.asVoid(put(name, next))
      }),
    )
    if (found.length > 0) yield* failed(atomic.syncDirectory(directory))
    if (failures[0] !== undefined) return yield* Effect.fail(failures[0])
  })
  const removeAll = Effect.fnUntraced(function* (hash: string) {
    const found = (yield* files).filter((file) => file.hash === hash)
    yield* Effect.forEach(found, remove, { discard: true })
    if (found.length > 0) yield* failed(atomic.syncDirectory(directory))
  })
  const read = Effect.fnUntraced(function* (hash: string) {
    const all = newestFirst(yield* names, base).filter((file) => file.hash === hash)
    const { name } = all.find(({ neverInForce }) => neverInForce !== "refused") ?? all[0] ?? {}
    if (name === undefined) return undefined
    return yield* readText(document, at(name)).pipe(
      Effect.map(({ text }) => ({ text, hash })),
      Effect.catchIf(
        ({ code }) => code === "ENOENT",
        () => Effect.undefined,
      ),
    )
  })
  const locked = <A>(effect: Effect.Effect<A, SourceUnavailable>): Effect.Effect<A, SourceUnavailable> =>
    Effect.catchTag(
      underLock(() => Effect.asSome(effect)),
      "Busy",
      (busy) => Effect.fail(toUnavailable(document, busy)),
    )

  return {
    keep,
    sweep: Effect.ignore(Effect.flatMap(names, sweepIn)),
    hasLeftovers: Effect.match(names, {
      onFailure: () => false,
      onSuccess: (found) => found.some((name) => isTemporary(base, name)),
    }),
    history: {
      list: Effect.map(
        Effect.suspend(() => {
          // Another process may have rewritten texts in place.
          sizes.forget()
          return files
        }),
        (found) => found.map(({ name: _, ...entry }) => entry),
      ),
      read,
      keep: (text, hash, keeping) => locked(keep(text, hash, keeping)),
      rewrite: (f) => locked(rewrite(f)),
      remove: (hash) => locked(removeAll(hash)),
    },
  }
}

export const toUnavailable = ({ name }: ManagedFile, { detail }: Busy): SourceUnavailable =>
  new SourceUnavailable({ path: name, code: "EBUSY", detail })

/** Sizes by name, so that each file is looked at once: a bound on bytes must not cost a look at every file for every write. */
const makeSizes = ({ fs }: ManagedFile, at: (name: string) => string) => {
  const known = new Map<string, number>()
  // Another process may just have removed it.
  const sizeOf = (name: string) =>
    Effect.map(
      orMissing(at(name), undefined)(fs.stat(at(name))),
      (info) => info && Number(ByteSize.toBigInt(info.size)),
    )
  const forgetOthers = (names: ReadonlySet<string>) => {
    for (const name of known.keys()) if (!names.has(name)) known.delete(name)
  }
  return {
    set: (name: string, bytes: number) => void known.set(name, bytes),
    forget: () => known.clear(),
    add: Effect.fnUntraced(function* (files: ReadonlyArray<Omit<File, "bytes">>) {
      const sized: Array<File> = []
      for (const file of files) {
        let bytes = known.get(file.name)
        if (bytes === undefined) {
          bytes = yield* sizeOf(file.name)
          if (bytes === undefined) continue
          known.set(file.name, bytes)
        }
        sized.push({ ...file, bytes })
      }
      if (known.size > sized.length) forgetOthers(new Set(sized.map(({ name }) => name)))
      return sized
    }),
  }
}

const newestFirst = (names: ReadonlyArray<string>, base: string): ReadonlyArray<Omit<File, "bytes">> =>
  names
    .flatMap((name) => parseName(name, base) ?? [])
    // Names begin with the time.
    .sort((a, b) => (a.name < b.name ? 1 : -1))

/**
 * `<time>-<hash>-<document>`, with `~<mark>` after the hash of an undo (the beginning of the hash that it restored) and of a document that never was
 * in force (the reason). The time has fifteen digits, so that names sort by it. The document's name separates two documents of one directory.
 */
const formatName = (at: number, hash: string, { backTo, neverInForce }: Keeping, base: string): string => {
  const mark = neverInForce ?? backTo?.slice(0, shortHashDigits)
  return `${String(at).padStart(15, "0")}-${hash}${mark === undefined ? "" : `~${mark}`}-${base}`
}

const parseName = (name: string, base: string): Omit<File, "bytes"> | undefined => {
  const [, time, hash, mark, of] =
    /^(\d{15})-([0-9a-f]{64})(?:~([0-9a-f]{16}|refused|overwritten))?-(.+)$/s.exec(name) ?? []
  if (time === undefined || hash === undefined || of !== base) return undefined
  const entry = { name, hash, at: Number(time) }
  if (mark === undefined) return entry
  return isReason(mark) ? { ...entry, neverInForce: mark } : { ...entry, backTo: mark }
}

const isReason = (mark: string): mark is NeverInForce => mark === "refused" || mark === "overwritten"
