/**
 * The composed layers of a host on Node: event bus, Reconciler, configuration file with lock and history, and Effect's file system. A host
 * that needs another part provides that part instead of these layers. Only two modules of platform-node are imported: the whole package
 * would add a third to a host's start.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import type { ConfigStoreError } from "@signalbox/core/ConfigError"
import type { ConfigSource } from "@signalbox/core/ConfigSource"
import { EventBus } from "@signalbox/core/EventBus"
import * as FileConfigSource from "@signalbox/core/FileConfigSource"
import type { FileLock } from "@signalbox/core/FileLock"
import { ProcessUser } from "@signalbox/core/FileTrust"
import { Reconciler } from "@signalbox/core/Reconciler"
import { Cause, Console, Effect, type FileSystem, Layer, type Path } from "effect"
import type { Digest } from "effect/crypto"
import * as LocalFileSystem from "./internal/LocalFileSystem.ts"
import { endingAtSecondSignal } from "./internal/Signalbox/endingAtSecondSignal.ts"
import * as NodeDigest from "./NodeDigest.ts"
import * as NodeFileExchange from "./NodeFileExchange.ts"
import * as NodeFileLock from "./NodeFileLock.ts"

/** The services that core needs from the platform. */
export type Platform = FileSystem.FileSystem | Path.Path | FileLock | Digest.Digest

/** The services below a host on Node. */
export type Services = EventBus | Reconciler | ConfigSource | Platform

/** Provides the platform alone: files, locks across processes, SHA-256. */
export const layerPlatform: Layer.Layer<Platform> = Layer.mergeAll(
  NodeFileSystem.layer,
  NodePath.layer,
  NodeFileLock.layer,
  NodeFileExchange.layer,
  NodeDigest.layer,
  Layer.sync(ProcessUser, () => process.geteuid?.()),
)

const above = <E>(source: Layer.Layer<ConfigSource, E, Platform>): Layer.Layer<Services, E> =>
  Layer.mergeAll(
    Layer.provideMerge(Reconciler.layer, EventBus.layer),
    Layer.provide(source, LocalFileSystem.layer),
  ).pipe(Layer.provideMerge(layerPlatform))

/**
 * Provides the document of the program `name`: `$XDG_DATA_HOME/<name>/config.json`, else `~/.local/share/<name>/config.json`.
 *
 * **Example** (A host with a document of its own)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { ConfigStore } from "@signalbox/core"
 * import { Signalbox } from "@signalbox/node"
 * import { Effect, Layer, Schema } from "effect"
 *
 * class AppConfig extends ConfigStore.Service<AppConfig>()("app/AppConfig", {
 *   schema: Schema.Struct({ limit: Schema.Int }),
 *   seed: `{ "limit": 3 }\n`,
 * }) {}
 *
 * // $XDG_DATA_HOME/my-program/config.json
 * const host = AppConfig.layer.pipe(Layer.provide(Signalbox.layerFor("my-program")))
 * const limit = AppConfig.get((config) => config.limit)
 * strictEqual(await Effect.runPromise(Effect.provide(limit, host)), 3)
 * ```
 */
export const layerFor = (name: string): Layer.Layer<Services, ConfigStoreError> =>
  above(FileConfigSource.layerFor(name))

/**
 * Provides the document at `path`.
 *
 * **Example** (A document at a path of your choice)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { tmpdir } from "node:os"
 * import { join } from "node:path"
 * import { ConfigStore } from "@signalbox/core"
 * import { Signalbox } from "@signalbox/node"
 * import { Effect, Layer, Schema } from "effect"
 *
 * class AppConfig extends ConfigStore.Service<AppConfig>()("app/AppConfig", {
 *   schema: Schema.Struct({ limit: Schema.Int }),
 *   seed: `{ "limit": 3 }\n`,
 * }) {}
 *
 * const host = AppConfig.layer.pipe(Layer.provide(Signalbox.layerAt(join(tmpdir(), "my-program.json"))))
 * strictEqual(await Effect.runPromise(Effect.provide(AppConfig.get((config) => config.limit), host)), 3)
 * ```
 */
export const layerAt = (path: string): Layer.Layer<Services> => above(FileConfigSource.layerAt(path))

/**
 * Runs a host until SIGINT or SIGTERM, as the last line of its main program.
 *
 * **Details**
 *
 * A host that cannot start prints the reason on standard error and ends with code 1. Only a bug prints a stack trace. A second signal ends the process
 * at once, even if a layer never closes.
 *
 * **Example** (Running a host until Ctrl-C)
 *
 * ```ts no-run
 * import { Signalbox } from "@signalbox/node"
 * import { Console, Effect, Layer } from "effect"
 *
 * const host = Layer.effectDiscard(Console.log("The host runs until Ctrl-C."))
 * Signalbox.runMain(Layer.provide(host, Signalbox.layerFor("my-program")))
 * ```
 */
export const runMain = <A, E>(host: Layer.Layer<A, E>): void =>
  NodeRuntime.runMain(
    Effect.tapCause(endingAtSecondSignal(Layer.launch(host)), (cause) =>
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
