/**
 * The document as a file that people edit: P1, P2 and P8 on a disk that can fail. A write leaves the old document or the new, never a torn
 * one, through symbolic links, under a lock that all Signalbox processes share; what an editor saved in the same instant goes into the
 * history. Every edit is noticed, by whatever means it was made. Linux and macOS; it needs a file system with fsync and rename, and is best
 * on one with hard links or exchange (`FileExchange`).
 */
import { Effect, FileSystem, Layer, Path } from "effect"
import { Digest } from "effect/crypto"
import { ConfigStoreError, SourceUnavailable } from "./ConfigError.ts"
import { ConfigSource, HistoryBounds } from "./ConfigSource.ts"
import { dataDirectory } from "./DataDirectory.ts"
import { FileExchange } from "./FileExchange.ts"
import { FileLock } from "./FileLock.ts"
import { makeExclusion } from "./internal/Exclusion.ts"
import { makeFileHistory } from "./internal/FileConfigSource/FileHistory.ts"
import { cannotWatch, makeHints } from "./internal/FileConfigSource/Hints.ts"
import { modeWarnings, tighten } from "./internal/FileConfigSource/Modes.ts"
import { makeWriter } from "./internal/FileConfigSource/Writer.ts"
import { readText } from "./internal/Files.ts"
import { withOpaqueSpan } from "./internal/OpaqueSpan.ts"
import type { Site } from "./internal/Site.ts"
import * as Utf8 from "./internal/Utf8.ts"

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

/** The file at `defaultPath`. Its directory belongs to the program, and is kept at 0700. */
export const layerFor = (program: string): Layer.Layer<ConfigSource, ConfigStoreError, Needs> =>
  Layer.effect(
    ConfigSource,
    Effect.flatMap(defaultPath(program), (file) => make(file, { ownDirectory: true })),
  )

/** Signalbox's own: `layerFor("signalbox")`. */
export const layer: Layer.Layer<ConfigSource, ConfigStoreError, Needs> = layerFor("signalbox")

/** The file at `path`. Of its directory only modes that let others replace the file are reported; none is changed. */
export const layerAt = (path: string): Layer.Layer<ConfigSource, never, Needs> =>
  Layer.effect(ConfigSource, make(path, { ownDirectory: false }))

const make = Effect.fnUntraced(function* (file: string, { ownDirectory }: { readonly ownDirectory: boolean }) {
  const path = yield* Path.Path
  const digest = yield* Digest.Digest
  const fs = yield* FileSystem.FileSystem
  const site: Site = {
    fs,
    path,
    exchange: yield* FileExchange,
    hashBytes: (bytes) => digest.digestHex(Digest.sha256, bytes),
    name: path.resolve(file),
  }
  const own = { count: 0, hash: "" }
  const exclusion = makeExclusion(site, yield* FileLock)
  const history = makeFileHistory(site, exclusion, yield* HistoryBounds)
  const { hints, unwatched, wasRead } = makeHints(site, own)
  const { start, ...writer } = makeWriter({
    site,
    exclusion,
    history,
    wrote: (hash) => {
      own.count++
      own.hash = hash
    },
    tighten: ownDirectory ? tighten(site, path.dirname(site.name)) : Effect.void,
  })
  let modes: ReadonlyArray<string> = []
  let said = ""

  const read = Effect.gen(function* () {
    const { hash, info, text } = yield* readText(site, site.name)
    wasRead(hash)
    modes = yield* modeWarnings(site, info, ownDirectory)
    // Once for each document that is loaded; to look at the same one again is no news.
    const saying = [hash, ...modes].join()
    if (saying !== said) yield* Effect.forEach(modes, (warning) => Effect.logWarning(warning), { discard: true })
    said = saying
    return { text, hash }
  }).pipe(withOpaqueSpan("ConfigSource.read", { attributes: { "config.path": site.name } }))

  yield* start
  return ConfigSource.of({
    name: site.name,
    read,
    ...writer,
    exclusively: exclusion.exclusively,
    hash: (text) => site.hashBytes(Utf8.encode(text)),
    hints,
    history: history.history,
    warnings: Effect.sync(() => [
      ...modes,
      ...Array.from(unwatched, ([directory, why]) => cannotWatch(directory, why)),
    ]),
  })
})
