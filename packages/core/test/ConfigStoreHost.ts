/** A host for the store's tests: three settings, with secrets, environment and a restart among them, a document in memory, and all published events. */
import { assert } from "@effect/vitest"
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import type { AnyEvent } from "@signalbox/core/Event"
import { EventBus } from "@signalbox/core/EventBus"
import * as MemoryConfigSource from "@signalbox/core/MemoryConfigSource"
import { MemoryDocument } from "@signalbox/core/MemoryConfigSource"
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

/** All events since the bus was built. */
export class PublishedEvents extends Context.Service<
  PublishedEvents,
  { readonly events: ReadonlyArray<AnyEvent>; readonly clear: Effect.Effect<void> }
>()("test/PublishedEvents") {
  static readonly layer = Layer.effect(
    PublishedEvents,
    Effect.gen(function* () {
      const events: Array<AnyEvent> = []
      const stream = yield* (yield* EventBus).subscribe()
      const push = (item: { readonly _tag: string; readonly event?: AnyEvent }) => {
        if (item.event !== undefined) events.push(item.event)
      }
      yield* Effect.forkScoped(Stream.runForEach(stream, (item) => Effect.sync(() => push(item))))
      return PublishedEvents.of({ events, clear: Effect.sync(() => void events.splice(0)) })
    }),
  )
}

/** Wraps the source: a test replaces its operations. */
export interface SourceOverrides {
  write?: (write: Source["write"]) => Source["write"]
  seed?: (seed: Source["seed"]) => Source["seed"]
  read?: (read: Source["read"]) => Source["read"]
  exclusively?: Effect.Effect<void>
  history?: Partial<Source["history"]>
}
type Source = ConfigSource["Service"]

export class SourceControl extends Context.Service<
  SourceControl,
  { with: SourceOverrides; lastRead: string | undefined; reads: number }
>()("test/SourceControl") {}

const controlled = Layer.effectContext(
  Effect.gen(function* () {
    const source = yield* ConfigSource
    const state: SourceControl["Service"] = { with: {}, lastRead: undefined, reads: 0 }
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
    return Context.make(ConfigSource, own).pipe(Context.add(SourceControl, state))
  }),
)

/** A document in memory and its history, which outlive the stores over it. */
export const place = controlled.pipe(Layer.provideMerge(MemoryConfigSource.layer))

export const program = (environment: Record<string, string> = {}) =>
  settings.pipe(
    Layer.provideMerge(AppConfig.layer),
    Layer.provideMerge(PublishedEvents.layer),
    Layer.provideMerge(Reconciler.layer),
    Layer.provideMerge(EventBus.layer),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: environment }))),
  )

/** All published events, after all of them have arrived. */
export const publishedEvents = Effect.gen(function* () {
  const { events } = yield* PublishedEvents
  const { subscribers } = yield* EventBus
  yield* until(Effect.map(subscribers, (all) => all.every(({ lagEvents }) => lagEvents === 0)))
  yield* Effect.yieldNow
  return [...events]
})
export const eventTags = Effect.map(publishedEvents, (events) => events.map((event) => event._tag))
/** Forgets the events until now. */
export const forgetEvents = Effect.andThen(
  publishedEvents,
  Effect.flatMap(PublishedEvents, (collected) => collected.clear),
)

/** Saves another text as an editor does, or removes the document. Completes when the store has read it. */
export const saved = (text: string | undefined) =>
  Effect.gen(function* () {
    const state = yield* SourceControl
    state.lastRead = "nothing yet"
    yield* (yield* MemoryDocument).save(text)
    yield* TestClock.adjust("250 millis")
    yield* until(Effect.sync(() => state.lastRead === text))
    yield* idle
  })
/** Waits until no change waits or runs. */
export const idle = Effect.flatMap(Reconciler, ({ queued }) => until(Effect.map(queued, (count) => count === 0)))

export const edited = (text: string, edit: (document: any) => void): string => {
  const document = JSON.parse(text)
  edit(document)
  return JSON.stringify(document, undefined, 2)
}
export const text = Effect.flatMap(MemoryDocument, (document) => Effect.map(document.text, (text) => text ?? ""))

/** Asserts that a value has these members, and perhaps more. */
export const like = (actual: unknown, expected: Readonly<Record<string, unknown>>): void =>
  assert.deepInclude(actual as Readonly<Record<string, unknown>>, expected)

/** Lets other fibers run until a condition holds, without the clock. */
export const until = (condition: Effect.Effect<boolean>): Effect.Effect<void> =>
  Effect.flatMap(condition, (met) => (met ? Effect.void : Effect.andThen(Effect.yieldNow, until(condition))))

/** Starts a process over the same document, runs the effect in it after the first hint, and ends it. */
export const running = <A, E, R>(effect: Effect.Effect<A, E, R>, environment?: Record<string, string>) =>
  Effect.gen(function* () {
    const state = yield* SourceControl
    // One read at the start, and one for the first hint.
    const reads = state.reads + 2
    const watching = Effect.andThen(until(Effect.sync(() => state.reads >= reads)), idle)
    return yield* Effect.provide(Effect.andThen(watching, effect), Layer.fresh(program(environment)))
  })
