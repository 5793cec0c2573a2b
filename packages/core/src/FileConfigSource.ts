/**
 * The document as a file that people edit: P1, P2 and P8 on a disk that can fail. A write leaves the old document or the new, never a torn
 * one, through symbolic links, under a lock that all Signalbox processes share; what an editor saved in the same instant goes into the
 * history. Every edit is noticed, by whatever means it was made. Linux and macOS; it needs a file system with fsync and rename, and is best
 * on one with hard links or exchange (`FileExchange`).
 */
import { Config, Effect, FileSystem, Layer, Path } from "effect"
import { Digest } from "effect/crypto"
import { ConfigStoreError, SourceUnavailable } from "./ConfigError.ts"
import { ConfigSource, HistoryBounds } from "./ConfigSource.ts"
import { makeExclusion } from "./FileConfigSource/Exclusion.ts"
import { makeFileHistory } from "./FileConfigSource/FileHistory.ts"
import { readText } from "./FileConfigSource/Files.ts"
import { cannotWatch, makeHints } from "./FileConfigSource/Hints.ts"
import { modeWarnings, tighten } from "./FileConfigSource/Modes.ts"
import type { Site } from "./FileConfigSource/Site.ts"
import { makeWriter } from "./FileConfigSource/Writer.ts"
import { FileExchange } from "./FileExchange.ts"
import { FileLock } from "./FileLock.ts"
import * as Utf8 from "./Utf8.ts"

/**
 * `$XDG_DATA_HOME/<program>/config.json`, else `~/.local/share/<program>/config.json`; fails where there is neither that variable nor HOME.
 * https://specifications.freedesktop.org/basedir-spec/
 */
export const defaultPath = Effect.fnUntraced(function* (
  program: string,
): Effect.fn.Return<string, ConfigStoreError, Path.Path> {
  const path = yield* Path.Path
  const variable = (name: string) => Effect.orElseSucceed(Config.withDefault(Config.String(name), ""), () => "")
  const data = yield* variable("XDG_DATA_HOME")
  // XDG Base Directory Specification: a relative path is to be ignored.
  if (path.isAbsolute(data)) return path.join(data, program, "config.json")
  const home = yield* variable("HOME")
  if (path.isAbsolute(home)) return path.join(home, ".local", "share", program, "config.json")
  const detail = "neither XDG_DATA_HOME nor HOME names a directory"
  const reason = new SourceUnavailable({ path: path.join(program, "config.json"), code: "ENOENT", detail })
  return yield* new ConfigStoreError({ reason })
})

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
  const { hints, unwatched } = makeHints(site, own)
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
    modes = yield* modeWarnings(site, info, ownDirectory)
    // Once for each document that is loaded; to look at the same one again is no news.
    const saying = [hash, ...modes].join()
    if (saying !== said) yield* Effect.forEach(modes, (warning) => Effect.logWarning(warning), { discard: true })
    said = saying
    return { text, hash }
  }).pipe(Effect.withSpan("ConfigSource.read", { attributes: { "config.path": site.name } }))

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
