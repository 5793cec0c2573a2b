/** A host in memory for the tests of models: settings without a document, the registry, providers and a graph with Models. */
import * as Event from "@signalbox/core/Event"
import { EventBus } from "@signalbox/core/EventBus"
import { DefaultModelAlias, Model, type ModelInput, ModelRegistry, ModelSettings } from "@signalbox/core/ModelRegistry"
import { Models } from "@signalbox/core/Models"
import { type Provider, ProviderSettings, Providers } from "@signalbox/core/Providers"
import { Reconciler } from "@signalbox/core/Reconciler"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import * as Setting from "@signalbox/core/Setting"
import { Effect, Exit, Layer, Schema, Scope, Stream } from "effect"

export class Services extends ServiceGraph.Service<Services>()("test/Services", { nodes: [Models.node] }) {}

/** Takes the place of `config.changed`. */
export class Edited extends Event.Class<Edited>()("test.edited", {}) {}
class Marked extends Event.Class<Marked>()("test.marked", {}) {}

export type ModelInputs = Readonly<Record<string, Partial<ModelInput> & Pick<ModelInput, "upstream">>>

export interface Document {
  readonly models?: ModelInputs
  readonly defaultAlias?: string
  readonly providers?: Readonly<Record<string, (typeof Provider)["Encoded"]>>
}

export const modelsOf = (inputs: ModelInputs): Readonly<Record<string, Model>> =>
  Object.fromEntries(Object.entries(inputs).map(([alias, input]) => [alias, Model.make(input)]))

const decodeProviders = Schema.decodeUnknownSync(ProviderSettings.schema)

const valuesOf = ({ defaultAlias, models, providers }: Document): ReadonlyMap<string, unknown> => {
  const values = new Map<string, unknown>()
  if (models !== undefined) values.set(ModelSettings.key, modelsOf(models))
  if (defaultAlias !== undefined) values.set(DefaultModelAlias.key, defaultAlias)
  // The document engine shares equal values. Here each provider of an edit is a new value.
  if (providers !== undefined) values.set(ProviderSettings.key, decodeProviders(providers))
  return values
}

/** Changes the settings that the document has. Fails like a change of the ConfigStore. */
export const edit = (document: Document | ((current: ReadonlyMap<string, unknown>) => ReadonlyMap<string, unknown>)) =>
  Effect.flatMap(Reconciler, (reconciler) =>
    reconciler.run((transaction) => {
      const values = typeof document === "function" ? document(transaction.current.values) : valuesOf(document)
      return Effect.flatMap(transaction.prepare(values), (prepared) => prepared.commit([new Edited({})]))
    }),
  )

export const settings = ({ defaultAlias = "", models = {}, providers = {} }: Document = {}) =>
  Layer.mergeAll(
    Setting.layerFrom(ModelSettings, modelsOf(models)),
    Setting.layerFrom(DefaultModelAlias, defaultAlias),
    Setting.layerFrom(ProviderSettings, decodeProviders(providers)),
  ).pipe(Layer.provideMerge(Reconciler.layer), Layer.provideMerge(EventBus.layer))

/** All layers below the graph. */
export const parts = (document: Document = {}) =>
  Layer.mergeAll(ModelRegistry.layer, Providers.layer).pipe(Layer.provideMerge(settings(document)))

export const host = (document: Document = {}) => Services.layer.pipe(Layer.provideMerge(parts(document)))

/** Collects the events that an effect publishes as `[type, fields]`, except those about services of the graph. */
export const eventsOf = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<ReadonlyArray<readonly [type: string, fields: object]>, E, Exclude<R, Scope.Scope> | EventBus> =>
  Effect.gen(function* () {
    const bus = yield* EventBus
    const stream = yield* bus.subscribe()
    yield* effect
    yield* bus.publish(new Marked({}))
    const items = yield* stream.pipe(
      Stream.takeWhile((item) => item._tag === "Gap" || item.event._tag !== Marked.type),
      Stream.runCollect,
    )
    return items.flatMap((item) => {
      if (item._tag === "Gap") throw new Error("the test's bus is too small")
      const { _tag, ...fields } = item.event
      return _tag.startsWith("service.") ? [] : [[_tag, fields] as const]
    })
  }).pipe(Effect.scoped)

export const resolve = (alias: string, key?: string) =>
  Services.provide(Effect.flatMap(Models, (models) => models.resolve(alias, key)))
/** Resolves an alias to its upstream model, or to the reason of the refusal. */
export const resolved = (alias: string, key?: string) =>
  Effect.match(resolve(alias, key), { onSuccess: ({ upstream }) => upstream, onFailure: ({ reason }) => reason._tag })
export const list = (key?: string) => Services.provide(Effect.flatMap(Models, (models) => models.list(key)))

export const register = (name: string, models: ModelInputs) =>
  Effect.flatMap(ModelRegistry, (registry) => registry.register(models, { name }))
/** Registers models until the returned Scope closes. */
export const open = (name: string, models: ModelInputs) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    yield* Scope.provide(register(name, models), scope)
    return scope
  })
export const close = (scope: Scope.Closeable) => Scope.close(scope, Exit.void)
/** Waits until all queued changes have run. */
export const settled = Effect.flatMap(Reconciler, (reconciler) =>
  reconciler.run(() => Effect.void, { whenFull: "wait" }),
)
export const table = Effect.map(
  Effect.flatMap(ModelRegistry, (registry) => registry.models),
  (models) => Object.fromEntries(models.map(({ alias, provider, upstream }) => [alias, `${upstream}@${provider}`])),
)
export const origins = Effect.map(
  Effect.flatMap(ModelRegistry, (registry) => registry.models),
  (models) => Object.fromEntries(models.map(({ alias, registeredBy }) => [alias, registeredBy])),
)
