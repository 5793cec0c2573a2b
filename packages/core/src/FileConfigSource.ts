/**
 * The configuration document as a file that people edit. A write leaves the old document or the new one, through symbolic links and under a lock that
 * all Signalbox processes share; a text that an editor saved in the same instant goes into the history. Every edit is noticed, however it was saved.
 * A document that is a mount point is written in place (`InPlace`). Linux and macOS. It needs a file system with fsync and rename; hard links or
 * exchange (`FileExchange`) protect an editor's last save as well.
 */
import { Effect, FileSystem, Layer, Path } from "effect"
import { Digest } from "effect/crypto"
import * as AtomicFile from "./AtomicFile.ts"
import { ConfigStoreError, SourceUnavailable } from "./ConfigError.ts"
import { ConfigSource, HistoryBounds } from "./ConfigSource.ts"
import { dataDirectory } from "./DataDirectory.ts"
import { FileLock } from "./FileLock.ts"
import * as FileTrust from "./FileTrust.ts"
import { makeDocumentLock } from "./internal/DocumentLock.ts"
import { makeFileHistory } from "./internal/FileConfigSource/FileHistory.ts"
import { cannotWatch, makeHints } from "./internal/FileConfigSource/Hints.ts"
import { modeWarnings, tighten } from "./internal/FileConfigSource/Modes.ts"
import { makeWriter } from "./internal/FileConfigSource/Writer.ts"
import type { ManagedFile } from "./internal/ManagedFile.ts"
import { withOpaqueSpan } from "./internal/OpaqueSpan.ts"
import { readText } from "./internal/ReadText.ts"
import { makeRecentTexts } from "./internal/RecentTexts.ts"

/** `config.json` in the program's `dataDirectory`. */
export const defaultPath = (program: string): Effect.Effect<string, ConfigStoreError, Path.Path> =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    return path.join(yield* dataDirectory(program), "config.json")
  }).pipe(
    Effect.mapError(({ message }) => {
      const reason = new SourceUnavailable({ path: `${program}/config.json`, code: "ENOENT", detail: message })
      return new ConfigStoreError({ reason })
    }),
  )

type Needs = FileSystem.FileSystem | Path.Path | FileLock | Digest.Digest

/** The file at `defaultPath`. Its directory belongs to the program and is kept at mode 0700. */
export const layerFor = (program: string): Layer.Layer<ConfigSource, ConfigStoreError, Needs> =>
  Layer.effect(
    ConfigSource,
    Effect.flatMap(defaultPath(program), (file) => make(file, { ownDirectory: true })),
  )

/** The file of Signalbox itself: `layerFor("signalbox")`. */
export const layer: Layer.Layer<ConfigSource, ConfigStoreError, Needs> = layerFor("signalbox")

/** The file at `path`. The mode of its directory is never changed, and reported only if it lets others replace the file. */
export const layerAt = (path: string): Layer.Layer<ConfigSource, never, Needs> =>
  Layer.effect(ConfigSource, make(path, { ownDirectory: false }))

const make = Effect.fnUntraced(function* (file: string, { ownDirectory }: { readonly ownDirectory: boolean }) {
  const path = yield* Path.Path
  const digest = yield* Digest.Digest
  const document: ManagedFile = {
    fs: yield* FileSystem.FileSystem,
    path,
    atomic: yield* AtomicFile.make,
    distrust: yield* FileTrust.make,
    texts: makeRecentTexts((bytes) => digest.digestHex(Digest.sha256, bytes)),
    name: path.resolve(file),
  }
  const own = { count: 0, hash: "" }
  const lock = makeDocumentLock(document, yield* FileLock)
  const history = makeFileHistory(document, lock, yield* HistoryBounds)
  const { hints, mountProblem, onRead, unwatched } = makeHints(document, own)
  const { start, ...writer } = makeWriter({
    document,
    lock,
    history,
    onWritten: (hash) => {
      own.count++
      own.hash = hash
    },
    tighten: ownDirectory ? tighten(document, path.dirname(document.name)) : Effect.void,
  })
  let modes: ReadonlyArray<string> = []
  let logged = ""

  const read = Effect.gen(function* () {
    const { hash, info, text } = yield* readText(document, document.name)
    onRead(hash)
    modes = yield* modeWarnings(document, info, ownDirectory)
    // Logged once for each document that is loaded, not at each read of the same one.
    const news = [hash, ...modes].join()
    if (news !== logged) yield* Effect.forEach(modes, (warning) => Effect.logWarning(warning), { discard: true })
    logged = news
    return { text, hash }
  }).pipe(withOpaqueSpan("ConfigSource.read", { attributes: { "config.path": document.name } }))

  yield* start
  return ConfigSource.of({
    name: document.name,
    read,
    ...writer,
    exclusively: lock.exclusively,
    hash: (text) => Effect.map(document.texts.ofText(text), ({ hash }) => hash),
    hints,
    history: history.history,
    warnings: Effect.sync(() => [
      ...modes,
      ...[mountProblem() ?? []].flat(),
      ...Array.from(unwatched, ([directory, why]) => cannotWatch(directory, why)),
    ]),
  })
})
