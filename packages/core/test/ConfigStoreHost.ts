/** A host for the store's tests: three settings with secrets, environment and restart among them, a document in memory, and everything that was said. */
import { assert } from "@effect/vitest"
import { ConfigDocument } from "@signalbox/core/ConfigDocument"
import { ConfigSource, MemoryDocument } from "@signalbox/core/ConfigSource"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import type { AnyEvent } from "@signalbox/core/Event"
import { EventBus } from "@signalbox/core/EventBus"
import { Reconciler } from "@signalbox/core/Reconciler"
import * as Setting from "@signalbox/core/Setting"
import { ConfigProvider, Context, Effect, Exit, Layer, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"

const Provider = Schema.Struct({
  url: Schema.String,
  key: Schema.optionalKey(Schema.RedactedFromValue(Schema.String)),
})
export class ProviderSettings extends Setting.Service<ProviderSettings>()(
  "test/ProviderSettings",
  Schema.Record(Schema.String, Provider).pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
) {}
export class ModelSettings extends Setting.Service<ModelSettings>()(
  "test/ModelSettings",
  Schema.Record(Schema.String, Schema.String).pipe(Schema.withDecodingDefaultKey(Effect.succeed({ fast: "small" }))),
) {}
export class RetentionPolicy extends Setting.Service<RetentionPolicy>()(
  "test/RetentionPolicy",
  Schema.Struct({
    days: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).pipe(Schema.withDecodingDefaultKey(Effect.succeed(30))),
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
) {}

export class AppConfig extends ConfigStore.Service<AppConfig>()("test/AppConfig", {
  schema: Schema.Struct({
    providers: ProviderSettings.schema,
    models: ModelSettings.schema,
    retention: RetentionPolicy.schema,
    port: ConfigDocument.restartRequired(Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(4321)))),
  }),
  environmentPrefix: "TEST",
}) {}

export const settings = Layer.mergeAll(
  AppConfig.setting(ProviderSettings, (config) => config.providers),
  AppConfig.setting(ModelSettings, (config) => config.models),
  AppConfig.setting(RetentionPolicy, (config) => config.retention),
)

/** Every event since the bus was built. */
export class Said extends Context.Service<
  Said,
  { readonly events: ReadonlyArray<AnyEvent>; readonly clear: Effect.Effect<void> }
>()("test/Said") {
  static readonly layer = Layer.effect(
    Said,
    Effect.gen(function* () {
      const events: Array<AnyEvent> = []
      const stream = yield* (yield* EventBus).subscribe()
      const push = (item: { readonly _tag: string; readonly event?: AnyEvent }) => {
        if (item.event !== undefined) events.push(item.event)
      }
      yield* Effect.forkScoped(Stream.runForEach(stream, (item) => Effect.sync(() => push(item))))
      return Said.of({ events, clear: Effect.sync(() => void events.splice(0)) })
    }),
  )
}

/** Stands between store and source: a test changes what the source does. */
export interface Interference {
  write?: (write: Source["write"]) => Source["write"]
  seed?: (seed: Source["seed"]) => Source["seed"]
  read?: (read: Source["read"]) => Source["read"]
  exclusively?: Effect.Effect<void>
  history?: Partial<Source["history"]>
}
type Source = ConfigSource["Service"]

export class Interfered extends Context.Service<
  Interfered,
  { with: Interference; lastRead: string | undefined; reads: number }
>()("test/Interfered") {}

const interfered = Layer.effectContext(
  Effect.gen(function* () {
    const source = yield* ConfigSource
    const state: Interfered["Service"] = { with: {}, lastRead: undefined, reads: 0 }
    const own: Source = {
      ...source,
      read: Effect.suspend(() => state.with.read?.(source.read) ?? source.read).pipe(
        Effect.onExit((exit) =>
          Effect.sync(() => {
            state.reads++
            state.lastRead = Exit.isSuccess(exit) ? exit.value.text : undefined
          }),
        ),
      ),
      write: (text, ifHash) => (state.with.write?.(source.write) ?? source.write)(text, ifHash),
      seed: (text) => (state.with.seed?.(source.seed) ?? source.seed)(text),
      exclusively: (effect) => source.exclusively(Effect.andThen(state.with.exclusively ?? Effect.void, effect)),
      history: {
        ...source.history,
        keep: (...kept) => (state.with.history?.keep ?? source.history.keep)(...kept),
        list: Effect.suspend(() => state.with.history?.list ?? source.history.list),
      },
    }
    return Context.make(ConfigSource, own).pipe(Context.add(Interfered, state))
  }),
)

/** A document in memory and its history outlive the stores that are built over it. */
export const place = interfered.pipe(Layer.provideMerge(ConfigSource.layerMemory))

export const program = (environment: Record<string, string> = {}) =>
  settings.pipe(
    Layer.provideMerge(AppConfig.layer),
    Layer.provideMerge(Said.layer),
    Layer.provideMerge(Reconciler.layer),
    Layer.provideMerge(EventBus.layer),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: environment }))),
  )

/** Everything that was said, once all of it has arrived. */
export const heard = Effect.gen(function* () {
  const { events } = yield* Said
  const { subscribers } = yield* EventBus
  yield* until(Effect.map(subscribers, (all) => all.every(({ lagEvents }) => lagEvents === 0)))
  yield* Effect.yieldNow
  return [...events]
})
export const said = Effect.map(heard, (events) => events.map((event) => event._tag))
/** Later `heard` and `said` begin here. */
export const forget = Effect.andThen(
  heard,
  Effect.flatMap(Said, (collected) => collected.clear),
)

/** As an editor saves another text (or removes the document); answers when the store has looked at it. */
export const saved = (text: string | undefined) =>
  Effect.gen(function* () {
    const state = yield* Interfered
    state.lastRead = "nothing yet"
    yield* (yield* MemoryDocument).save(text)
    yield* TestClock.adjust("250 millis")
    yield* until(Effect.sync(() => state.lastRead === text))
    yield* idle
  })
/** No change waits or is under way. */
export const idle = Effect.flatMap(Reconciler, ({ queued }) => until(Effect.map(queued, (count) => count === 0)))

export const edited = (text: string, edit: (document: any) => void): string => {
  const document = JSON.parse(text)
  edit(document)
  return JSON.stringify(document, undefined, 2)
}
export const text = Effect.flatMap(MemoryDocument, (document) => Effect.map(document.text, (text) => text ?? ""))

/** Whether an event (or anything else) has these members, and perhaps more. */
export const like = (actual: unknown, expected: Readonly<Record<string, unknown>>): void =>
  assert.deepInclude(actual as Readonly<Record<string, unknown>>, expected)

/** Lets other fibers run until something is true; time stands still. */
export const until = (condition: Effect.Effect<boolean>): Effect.Effect<void> =>
  Effect.flatMap(condition, (met) => (met ? Effect.void : Effect.andThen(Effect.yieldNow, until(condition))))

/** Starts a process over the same document, runs the effect in it when the first hint has been looked at, and ends it again. */
export const running = <A, E, R>(effect: Effect.Effect<A, E, R>, environment?: Record<string, string>) =>
  Effect.gen(function* () {
    const state = yield* Interfered
    // One read at the start, one for the hint that says that watching has begun.
    const reads = state.reads + 2
    const watching = Effect.andThen(until(Effect.sync(() => state.reads >= reads)), idle)
    return yield* Effect.provide(Effect.andThen(watching, effect), Layer.fresh(program(environment)))
  })
