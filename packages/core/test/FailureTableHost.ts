/** A host on the simulated disk: a process that can be started, killed and started again, with a hook at every step of a change. */
import { createHash } from "node:crypto"
import type { ConfigStoreError } from "@signalbox/core/ConfigError"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import type { AnyEvent } from "@signalbox/core/Event"
import { EventBus } from "@signalbox/core/EventBus"
import * as FileConfigSource from "@signalbox/core/FileConfigSource"
import type { FileLock } from "@signalbox/core/FileLock"
import { Reconciler } from "@signalbox/core/Reconciler"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import * as Setting from "@signalbox/core/Setting"
import { SimulatedDisk } from "@signalbox/core/testing/SimulatedDisk"
import { Context, Effect, Exit, Layer, Path, Schema, Scope, Stream } from "effect"
import { Digest } from "effect/crypto"
import { file } from "./FileConfigSourceDisk.ts"

/** Runs while a document is decoded. Tests put a save or a crash there. */
export const decoding = { run: () => {} }
const watched = Schema.makeFilter<number>(() => {
  decoding.run()
  return true
})

export class Days extends Setting.Service<Days>()(
  "test/Days",
  Schema.Int.check(watched).pipe(Schema.withDecodingDefaultKey(Effect.succeed(30))),
) {}
export class Config extends ConfigStore.Service<Config>()("test/Config", {
  schema: Schema.Struct({
    days: Days.schema,
    models: Schema.Record(Schema.String, Schema.String),
    port: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(80))),
  }),
  seed: '{\n  // how long\n  "days": 30,\n  "models": {}\n}\n',
}) {}

/** Hooks for tests. They do nothing by default. */
export class Hooks extends Context.Service<
  Hooks,
  {
    readonly events: Array<AnyEvent>
    /** The events of commits, recorded when they are published. */
    readonly published: Array<AnyEvent>
    building: Effect.Effect<void, string>
    committing: () => void
    publishing: Effect.Effect<void>
    releasing: Effect.Effect<void>
  }
>()("test/Hooks") {}

const hooks = Layer.effectContext(
  Effect.gen(function* () {
    const bus = yield* EventBus
    const hooks: Hooks["Service"] = {
      events: [],
      published: [],
      building: Effect.void,
      committing: () => {},
      publishing: Effect.void,
      releasing: Effect.void,
    }
    const stream = yield* bus.subscribe()
    yield* Effect.forkScoped(
      Stream.runForEach(stream, (item) => Effect.sync(() => "event" in item && hooks.events.push(item.event))),
    )
    const publishAll: EventBus["Service"]["publishAll"] = (events, options) =>
      Effect.suspend(() => {
        hooks.published.push(...events)
        return Effect.andThen(hooks.publishing, bus.publishAll(events, options))
      })
    return Context.make(EventBus, { ...bus, publishAll }).pipe(Context.add(Hooks, hooks))
  }),
).pipe(Layer.provide(EventBus.layer))

export class Worker extends Context.Service<Worker, { readonly days: number }>()("test/Worker") {
  static readonly layer = Layer.effect(
    Worker,
    Effect.gen(function* () {
      const hooks = yield* Hooks
      yield* hooks.building
      yield* Effect.addFinalizer(() => Effect.suspend(() => hooks.releasing))
      return Worker.of({ days: yield* Days.get })
    }),
  )
}
export class Services extends ServiceGraph.Service<Services>()("test/Services", {
  nodes: [ServiceGraph.node(Worker, { needs: [Days], layer: Worker.layer })],
}) {}

const watchCommits = Layer.effectDiscard(
  Effect.gen(function* () {
    const hooks = yield* Hooks
    yield* (yield* Reconciler).observe(() => {
      hooks.committing()
      return []
    })
  }),
)

// Synchronous, so that only the scheduler decides the order.
const digestHex = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")
const digest = Layer.succeed(Digest.Digest, {
  digest: (_, bytes) => Effect.sync(() => new Uint8Array(Buffer.from(digestHex(bytes), "hex"))),
  digestHex: (_, bytes) => Effect.sync(() => digestHex(bytes)),
})

const source = Layer.unwrap(
  Effect.map(SimulatedDisk, (disk) =>
    Layer.fresh(FileConfigSource.layerAt(file)).pipe(Layer.provide([Path.layer, digest, disk.process])),
  ),
)
const program = Layer.mergeAll(Services.layer, watchCommits).pipe(
  Layer.provideMerge(Config.setting(Days, (config) => config.days)),
  Layer.provideMerge(Config.layer),
  Layer.provideMerge(Reconciler.layer),
  Layer.provideMerge(hooks),
  Layer.provideMerge(source),
)
type Provided = Layer.Success<typeof program>

/** One process, from its start to its end or to a power cut. */
export interface Process {
  readonly run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, Exclude<R, Provided>>
  /** An orderly end. Errors after a power cut are ignored. */
  readonly end: Effect.Effect<void>
}
export const start: Effect.Effect<Process, ConfigStoreError | string, SimulatedDisk | FileLock> = Effect.gen(
  function* () {
    const scope = yield* Scope.make()
    const end = Effect.asVoid(Effect.exit(Scope.close(scope, Exit.void)))
    const context = yield* Effect.onError(Layer.buildWithScope(Layer.fresh(program), scope), () => end)
    return { run: (effect) => Effect.provideContext(effect, context), end }
  },
)

/** Waits until nothing happens without the clock. */
export const quiet: Effect.Effect<void, never, SimulatedDisk> = Effect.gen(function* () {
  const disk = yield* SimulatedDisk
  let seen = -1
  for (let calm = 0; calm < 25; calm++) {
    yield* Effect.yieldNow
    const operations = yield* disk.operations
    if (operations !== seen) calm = 0
    seen = operations
  }
})
