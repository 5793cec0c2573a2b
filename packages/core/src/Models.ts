/**
 * The node that requests use: it resolves a name to a provider and its model id, or refuses with a typed reason. It is built for one
 * generation, so a request sees one table to the end of its stream; only the state of providers is read at each call. It enforces `enabled`
 * and `allowed_keys` for every host.
 */
import { Context, Effect, Layer, Schema } from "effect"
import { ModelTable } from "./internal/ModelTable.ts"
import {
  DefaultModelAlias,
  defaultModelAliasProblem,
  everyKey,
  type Model,
  ModelRegistrations,
  ModelSettings,
} from "./ModelSettings.ts"
import { didYouMean, nearNames } from "./NearNames.ts"
import { Providers } from "./Providers.ts"
import * as ServiceGraph from "./ServiceGraph.ts"

/** The destination of a request. */
export interface Route {
  /** The alias in the table, which responses use as model name. For an unknown name it is the default alias. */
  readonly alias: string
  /** The model id that the provider knows. */
  readonly upstream: string
  readonly provider: string
}

/** The name is unknown, and no default alias is set. `near` has similar names that the caller may use. */
export class UnknownModel extends Schema.TaggedClass<UnknownModel>()("UnknownModel", {
  /** Cut to 200 characters. */
  alias: Schema.String,
  near: Schema.Array(Schema.String),
}) {}

/** The model is disabled. */
export class ModelDisabled extends Schema.TaggedClass<ModelDisabled>()("ModelDisabled", { alias: Schema.String }) {}

/** The caller's key may not use the model. */
export class ModelNotAllowed extends Schema.TaggedClass<ModelNotAllowed>()("ModelNotAllowed", {
  alias: Schema.String,
}) {}

/** The model's provider is down. */
export class ProviderDown extends Schema.TaggedClass<ProviderDown>()("ProviderDown", {
  alias: Schema.String,
  provider: Schema.String,
  detail: Schema.String,
}) {}

/** A model cannot be used. The error never holds a key or its id. */
export class ModelRefused extends Schema.TaggedError<ModelRefused>()("ModelRefused", {
  reason: Schema.Union([UnknownModel, ModelDisabled, ModelNotAllowed, ProviderDown]),
}) {
  override get message(): string {
    return explain(this.reason)
  }
}

/** The default alias is not in the document. The node cannot be built, so the change is refused. */
export class DefaultModelAliasUnknown extends Schema.TaggedError<DefaultModelAliasUnknown>()(
  "DefaultModelAliasUnknown",
  { message: Schema.String },
) {}

/**
 * The table of models as one request sees it. A host adds `Models.node` to its ServiceGraph.
 *
 * **Example** (Resolving an alias for a key)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { DefaultModelAlias, EventBus, Model, ModelRegistry, Models, ModelSettings } from "@signalbox/core"
 * import { Providers, ProviderSettings, Reconciler, ServiceGraph, Setting } from "@signalbox/core"
 * import { Effect, Layer } from "effect"
 *
 * class Services extends ServiceGraph.Service<Services>()("app/Services", { nodes: [Models.node] }) {}
 *
 * const fast = Model.make({ upstream: "small-1", provider: "openai", allowedKeys: ["alice"] })
 * const host = Services.layer.pipe(
 *   Layer.provide(Layer.mergeAll(ModelRegistry.layer, Providers.layer)),
 *   Layer.provide(Setting.layerFrom(ModelSettings, { fast })),
 *   Layer.provide(Layer.merge(Setting.layerFrom(DefaultModelAlias, ""), Setting.layerFrom(ProviderSettings, {}))),
 *   Layer.provide(Layer.provideMerge(Reconciler.layer, EventBus.layer)),
 * )
 * const resolve = (key: string) => Services.provide(Effect.flatMap(Models, (models) => models.resolve("fast", key)))
 * const both = Effect.all([resolve("alice"), Effect.flip(resolve("bob"))]).pipe(Effect.provide(host))
 *
 * const [route, refused] = await Effect.runPromise(both)
 * strictEqual(route.upstream, "small-1")
 * strictEqual(refused.reason._tag, "ModelNotAllowed")
 * ```
 */
export class Models extends Context.Service<
  Models,
  {
    /**
     * Resolves a name to its route.
     *
     * **Details**
     *
     * `key` is the id of the caller's key. A caller without a key may use the models that every key may use. An unknown name resolves to
     * the default alias; a known name that is disabled or not allowed is refused.
     */
    readonly resolve: (alias: string, key?: string) => Effect.Effect<Route, ModelRefused>
    /** Lists the models that a caller may use, in the order of the table, including those of providers that are down. */
    readonly list: (key?: string) => Effect.Effect<ReadonlyArray<Route>>
  }
>()("@signalbox/core/Models") {
  static readonly layer: Layer.Layer<
    Models,
    DefaultModelAliasUnknown,
    ModelSettings | DefaultModelAlias | ModelRegistrations | Providers
  > = Layer.effect(
    Models,
    Effect.suspend(() => make),
  )
  /** The node for a host's ServiceGraph. */
  static readonly node = ServiceGraph.node(Models, {
    needs: [ModelSettings, DefaultModelAlias, ModelRegistrations],
    layer: Models.layer,
  })
}

const make = Effect.gen(function* () {
  const settings = yield* ModelSettings.get
  const defaultAlias = yield* DefaultModelAlias.get
  const table = new ModelTable(settings, yield* ModelRegistrations.get)
  const providers = yield* Providers
  const problem = defaultModelAliasProblem(settings, defaultAlias)
  if (problem !== undefined) return yield* new DefaultModelAliasUnknown({ message: problem })

  const defaultModel = table.get(defaultAlias)

  const usable = function* (key: string | undefined): Generator<readonly [string, Model]> {
    for (const row of table) if (row[1].enabled && allows(row[1], key)) yield row
  }
  const aliases = function* (key: string | undefined): Generator<string> {
    for (const [alias] of usable(key)) yield alias
  }

  const refuseUnknown = (name: string, key: string | undefined) =>
    refuse(
      new UnknownModel({
        // The name comes from the caller and may have any length.
        alias: name.slice(0, maxAlias),
        near: nearNames(name, aliases(key)),
      }),
    )

  // Hot paths, called for each request: they have no spans.
  return Models.of({
    resolve: (name, key) =>
      Effect.suspend(() => {
        let alias = name
        let model = table.get(name)
        if (model === undefined) {
          if (defaultModel === undefined) return refuseUnknown(name, key)
          alias = defaultAlias
          model = defaultModel
        }
        if (!allows(model, key)) return refuse(new ModelNotAllowed({ alias }))
        if (!model.enabled) return refuse(new ModelDisabled({ alias }))
        const { provider } = model
        const outage = providers.outage(provider)
        return outage === undefined
          ? Effect.succeed(route(alias, model))
          : refuse(new ProviderDown({ alias, provider, detail: outage.reason }))
      }),
    list: (key) => Effect.sync(() => Array.from(usable(key), ([alias, model]) => route(alias, model))),
  })
})

const maxAlias = 200

const route = (alias: string, { provider, upstream }: Model): Route => ({ alias, upstream, provider })

const refuse = (reason: ModelRefused["reason"]) => Effect.fail(new ModelRefused({ reason }))

const allows = ({ allowedKeys }: Model, key: string | undefined): boolean =>
  allowedKeys.includes(everyKey) || (key !== undefined && allowedKeys.includes(key))

const explain = (reason: ModelRefused["reason"]): string => {
  switch (reason._tag) {
    case "UnknownModel":
      return `there is no model ${JSON.stringify(reason.alias)}${didYouMean(reason.near)}`
    case "ModelDisabled":
      return `the model ${JSON.stringify(reason.alias)} is disabled; enable it in the configuration, or use another model`
    case "ModelNotAllowed":
      return `the model ${JSON.stringify(reason.alias)} may not be used with this key; use another model, or add the key to its allowed_keys`
    case "ProviderDown":
      return `the provider ${JSON.stringify(reason.provider)} of model ${JSON.stringify(reason.alias)} is down: ${reason.detail}; try again later, or use a model of another provider`
  }
}
