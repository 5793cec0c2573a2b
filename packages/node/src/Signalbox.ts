/**
 * Everything that a host on Node needs beneath its own services, composed: the event bus, the Reconciler, the configuration file with its
 * lock and history, and Effect's file system. Each part stays replaceable: a host that wants another one provides it instead of this layer.
 * Of platform-node only the modules that are needed: the whole package costs a third of a host's start-up.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import type { ConfigStoreError } from "@signalbox/core/ConfigError"
import type { ConfigSource } from "@signalbox/core/ConfigSource"
import { EventBus } from "@signalbox/core/EventBus"
import * as FileConfigSource from "@signalbox/core/FileConfigSource"
import type { FileLock } from "@signalbox/core/FileLock"
import { Reconciler } from "@signalbox/core/Reconciler"
import type { SegmentStorage, SegmentsUnavailable } from "@signalbox/core/SegmentStorage"
import { StatsLedger, type StatsSettings } from "@signalbox/core/StatsLedger"
import { Cause, Console, Effect, type FileSystem, Layer, type Path } from "effect"
import type { Digest } from "effect/crypto"
import { Flock } from "./Flock.ts"
import * as LocalFileSystem from "./internal/LocalFileSystem.ts"
import * as NodeDigest from "./NodeDigest.ts"
import * as NodeFileExchange from "./NodeFileExchange.ts"
import * as NodeFileLock from "./NodeFileLock.ts"
import * as NodeSegmentStorage from "./NodeSegmentStorage.ts"

/** What core needs of the platform. */
export type Platform = FileSystem.FileSystem | Path.Path | FileLock | Digest.Digest

/** What a host on Node stands on. */
export type Services = EventBus | Reconciler | ConfigSource | Platform

/** The platform alone: files, locks that other processes respect, SHA-256. */
export const layerPlatform: Layer.Layer<Platform> = Layer.mergeAll(
  NodeFileSystem.layer,
  NodePath.layer,
  NodeFileLock.layer,
  NodeFileExchange.layer,
  NodeDigest.layer,
)

const above = <E>(source: Layer.Layer<ConfigSource, E, Platform>): Layer.Layer<Services, E> =>
  Layer.mergeAll(
    Layer.provideMerge(Reconciler.layer, EventBus.layer),
    Layer.provide(source, LocalFileSystem.layer),
  ).pipe(Layer.provideMerge(layerPlatform))

/** The document of the program `name`: `$XDG_DATA_HOME/<name>/config.json`, else `~/.local/share/<name>/config.json`. */
export const layerFor = (name: string): Layer.Layer<Services, ConfigStoreError> =>
  above(FileConfigSource.layerFor(name))

/** The document at `path`. */
export const layerAt = (path: string): Layer.Layer<Services> => above(FileConfigSource.layerAt(path))

const ledgerAbove = <E>(segments: Layer.Layer<SegmentStorage, E, Flock>) =>
  Layer.provideMerge(StatsLedger.layer, Layer.provide(segments, Flock.layer))

/** The ledger of the program `name`, shared by all its processes: in `ledger` beside its document. */
export const layerLedgerFor = (
  name: string,
): Layer.Layer<StatsLedger | SegmentStorage, SegmentsUnavailable, StatsSettings | EventBus> =>
  ledgerAbove(NodeSegmentStorage.layerFor(name))

/** The ledger in `directory`. */
export const layerLedgerAt = (
  directory: string,
): Layer.Layer<StatsLedger | SegmentStorage, never, StatsSettings | EventBus> =>
  ledgerAbove(NodeSegmentStorage.layerAt(directory))

/**
 * Runs a host until SIGINT or SIGTERM, as the last line of its main program. A host that cannot start says why on standard error, without
 * a stack trace unless it is a bug, and ends with code 1.
 */
export const runMain = <A, E>(host: Layer.Layer<A, E>): void =>
  NodeRuntime.runMain(
    Effect.tapCause(Layer.launch(host), (cause) =>
      Cause.hasInterruptsOnly(cause) ? Effect.void : Console.error(explain(cause)),
    ),
    { disableErrorReporting: true },
  )

const explain = (cause: Cause.Cause<unknown>): string =>
  Cause.hasDies(cause) ? Cause.pretty(cause) : Cause.prettyErrors(cause).map(said).join("\n")

/** Some errors have nothing to say but their cause: that of an HTTP server whose port is taken. */
const said = (error: Error): string => {
  if (error.message !== "") return error.message
  return error.cause instanceof Error ? `${error.name}: ${said(error.cause)}` : error.name
}
