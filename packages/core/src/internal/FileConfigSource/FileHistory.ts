/**
 * Documents beside the document, in `history/`: one file each, named by time and hash, 0600, whole and durable before its name is
 * there. Whatever changes the directory runs under the document's lock.
 */
import { ByteSize, Clock, Effect, Option } from "effect"
import { type Busy, SourceUnavailable } from "../../ConfigError.ts"
import type { History, HistoryEntry, Keeping, NeverInForce } from "../../ConfigSource.ts"
import type { Exclusion } from "../Exclusion.ts"
import { makeDirectories, readText, syncDirectory, writeTemporary } from "../Files.ts"
import { beyondBounds, type HistoryBounds, isKept } from "../HistoryBounds.ts"
import { isTemporary, SHORT } from "../Names.ts"
import { codeOf, type Site, unavailable } from "../Site.ts"
import { tighten } from "./Modes.ts"

export interface FileHistory {
  readonly history: History
  /** `history.keep` for one who holds the lock. */
  readonly keep: History["keep"]
  /** Removes what a writer that died has left, for one who holds the lock. */
  readonly sweep: Effect.Effect<void>
  /** Whether there is something to sweep, for one who does not hold it yet. */
  readonly dirty: Effect.Effect<boolean>
}

interface File extends HistoryEntry {
  readonly name: string
}

export const makeFileHistory = (site: Site, { underLock }: Exclusion, bounds: HistoryBounds): FileHistory => {
  const { fs, path } = site
  const base = path.basename(site.name)
  const directory = path.join(path.dirname(site.name), "history")
  const at = (name: string) => path.join(directory, name)

  const names = Effect.catch(fs.readDirectory(directory), (error) =>
    codeOf(error) === "ENOENT" ? Effect.succeed<Array<string>>([]) : Effect.fail(unavailable(directory)(error)),
  )
  const files: Effect.Effect<ReadonlyArray<File>, SourceUnavailable> = Effect.gen(function* () {
    const parsed = (yield* names).flatMap((name) => parse(name, base) ?? [])
    const found = yield* Effect.forEach(
      parsed.sort((a, b) => (a.name < b.name ? 1 : -1)),
      (file) =>
        Effect.matchEffect(fs.stat(at(file.name)), {
          onSuccess: ({ size }) => Effect.succeedSome({ ...file, bytes: Number(ByteSize.toBigInt(size)) }),
          // Another process has just pruned it.
          onFailure: (error) =>
            codeOf(error) === "ENOENT" ? Effect.succeedNone : Effect.fail(unavailable(directory)(error)),
        }),
      { concurrency: 16 },
    )
    return found.flatMap(Option.toArray)
  })
  const put = (name: string, text: string) =>
    Effect.flatMap(writeTemporary(site, directory, text, { document: base }), (temporary) =>
      Effect.mapError(fs.rename(temporary, at(name)), unavailable(directory)).pipe(
        Effect.onError(() => Effect.ignore(fs.remove(temporary))),
      ),
    )
  const remove = (file: File) =>
    Effect.catch(fs.remove(at(file.name)), (error) =>
      codeOf(error) === "ENOENT" ? Effect.void : Effect.fail(unavailable(directory)(error)),
    )

  const keep = Effect.fnUntraced(function* (text: string, hash: string, keeping: Keeping = {}) {
    const found = yield* files
    if (isKept(found, hash, keeping)) return
    yield* makeDirectories(site, directory)
    yield* tighten(site, directory)
    const time = Math.max(yield* Clock.currentTimeMillis, (found[0]?.at ?? 0) + 1)
    yield* put(format(time, hash, keeping, base), text)
    yield* syncDirectory(site, directory)
    yield* Effect.ignore(Effect.forEach(beyondBounds(yield* files, bounds), remove))
  })
  const rewrite = Effect.fnUntraced(function* (f: (text: string) => string) {
    const found = yield* files
    // One that cannot be rewritten must not keep secrets in the others.
    const [, failures] = yield* Effect.partition(found, ({ name }) =>
      Effect.flatMap(readText(site, at(name)), ({ text }) => {
        const next = f(text)
        return next === text ? Effect.void : put(name, next)
      }),
    )
    if (found.length > 0) yield* syncDirectory(site, directory)
    if (failures[0] !== undefined) return yield* Effect.fail(failures[0])
  })
  const forget = Effect.fnUntraced(function* (hash: string) {
    const found = (yield* files).filter((file) => file.hash === hash)
    yield* Effect.forEach(found, remove)
    if (found.length > 0) yield* syncDirectory(site, directory)
  })
  const alone = <A>(effect: Effect.Effect<A, SourceUnavailable>): Effect.Effect<A, SourceUnavailable> =>
    Effect.catchTag(
      underLock(() => Effect.asSome(effect)),
      "Busy",
      (busy) => Effect.fail(toUnavailable(site, busy)),
    )

  const temporaries = Effect.map(names, (found) => found.filter((name) => isTemporary(base, name)))

  return {
    keep,
    sweep: Effect.gen(function* () {
      for (const name of yield* temporaries) yield* fs.remove(at(name))
    }).pipe(Effect.ignore),
    dirty: Effect.match(temporaries, { onFailure: () => false, onSuccess: (found) => found.length > 0 }),
    history: {
      list: Effect.map(files, (found) => found.map(({ name: _, ...entry }) => entry)),
      read: Effect.fnUntraced(function* (hash) {
        const all = (yield* names)
          .sort()
          .flatMap((name) => parse(name, base) ?? [])
          .filter((entry) => entry.hash === hash)
        const { name } = all.findLast(({ neverInForce }) => neverInForce !== "refused") ?? all.at(-1) ?? {}
        if (name === undefined) return undefined
        return yield* readText(site, at(name)).pipe(
          Effect.map(({ text }) => ({ text, hash })),
          Effect.catchIf(
            ({ code }) => code === "ENOENT",
            () => Effect.undefined,
          ),
        )
      }),
      keep: (text, hash, keeping) => alone(keep(text, hash, keeping)),
      rewrite: (f) => alone(rewrite(f)),
      remove: (hash) => alone(forget(hash)),
    },
  }
}

export const toUnavailable = ({ name }: Site, { detail }: Busy): SourceUnavailable =>
  new SourceUnavailable({ path: name, code: "EBUSY", detail })

/**
 * The time has fifteen digits, so that names sort by it; of a step back the beginning of the hash it went back to follows, of a document that
 * never was in force the reason; the document's own name keeps two documents of one directory apart.
 */
const format = (at: number, hash: string, { backTo, neverInForce }: Keeping, base: string): string => {
  const mark = neverInForce ?? backTo?.slice(0, SHORT)
  return `${String(at).padStart(15, "0")}-${hash}${mark === undefined ? "" : `~${mark}`}-${base}`
}

const parse = (name: string, base: string): Omit<File, "bytes"> | undefined => {
  const [, time, hash, mark, of] =
    /^(\d{15})-([0-9a-f]{64})(?:~([0-9a-f]{16}|refused|overwritten))?-(.+)$/s.exec(name) ?? []
  if (time === undefined || hash === undefined || of !== base) return undefined
  const entry = { name, hash, at: Number(time) }
  if (mark === undefined) return entry
  return isReason(mark) ? { ...entry, neverInForce: mark } : { ...entry, backTo: mark }
}

const isReason = (mark: string): mark is NeverInForce => mark === "refused" || mark === "overwritten"
