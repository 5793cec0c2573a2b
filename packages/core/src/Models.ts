/**
 * The node that requests use: from the name that a caller gives to the provider and the model id there, or a typed refusal. It is built for
 * one generation, so that a request sees one table to the end of its stream; only whether a provider is down is asked at the moment.
 * `enabled` and `allowed_keys` are enforced here, for every host.
 */
import { Context, Effect, Layer, Schema } from "effect"
import { modelTable } from "./internal/ModelTable.ts"
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

/** Where a request goes. */
export interface Route {
  /** The name in the table: what answers call the model. For an unknown name it is the default alias. */
  readonly alias: string
  /** What the provider calls it. */
  readonly upstream: string
  readonly provider: string
}

/** Nobody knows the name, and there is no default alias. `near` names only models that the caller may use. */
export class UnknownModel extends Schema.TaggedClass<UnknownModel>()("UnknownModel", {
  /** At most 200 characters of it. */
  alias: Schema.String,
  near: Schema.Array(Schema.String),
}) {}

/** The model is switched off. */
export class ModelDisabled extends Schema.TaggedClass<ModelDisabled>()("ModelDisabled", { alias: Schema.String }) {}

/** The model is for other keys. */
export class ModelNotAllowed extends Schema.TaggedClass<ModelNotAllowed>()("ModelNotAllowed", {
  alias: Schema.String,
}) {}

/** The model's provider is down. */
export class ProviderDown extends Schema.TaggedClass<ProviderDown>()("ProviderDown", {
  alias: Schema.String,
  provider: Schema.String,
  detail: Schema.String,
}) {}

/** Why a request for a model goes nowhere. Never holds a key or its id. */
export class ModelRefused extends Schema.TaggedError<ModelRefused>()("ModelRefused", {
  reason: Schema.Union([UnknownModel, ModelDisabled, ModelNotAllowed, ProviderDown]),
}) {
  override get message(): string {
    return explain(this.reason)
  }
}

/** The settings contradict each other: the node cannot be built for them, so that the change is refused. */
export class DefaultModelAliasUnknown extends Schema.TaggedError<DefaultModelAliasUnknown>()(
  "DefaultModelAliasUnknown",
  { message: Schema.String },
) {}

/** The table as one request sees it. A host takes `Models.node` into its graph. */
export class Models extends Context.Service<
  Models,
  {
    /**
     * `key` is the id of the caller's key; a caller without one may use what every key may use. An unknown name falls to the default alias;
     * a known one that is disabled or not allowed does not.
     */
    readonly resolve: (alias: string, key?: string) => Effect.Effect<Route, ModelRefused>
    /** What this caller may use, in the table's order; whether a provider is down does not matter here. */
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
  /** For the nodes of a host's ServiceGraph. */
  static readonly node = ServiceGraph.node(Models, {
    needs: [ModelSettings, DefaultModelAlias, ModelRegistrations],
    layer: Models.layer,
  })
}

const make = Effect.gen(function* () {
  const settings = yield* ModelSettings.get
  const defaultAlias = yield* DefaultModelAlias.get
  const table = modelTable(settings, yield* ModelRegistrations.get)
  const providers = yield* Providers
  const problem = defaultModelAliasProblem(settings, defaultAlias)
  if (problem !== undefined) return yield* new DefaultModelAliasUnknown({ message: problem })

  const fallback = table.get(defaultAlias)

  const usable = function* (key: string | undefined): Generator<readonly [string, Model]> {
    for (const row of table) if (row[1].enabled && allows(row[1], key)) yield row
  }
  const aliases = function* (key: string | undefined): Generator<string> {
    for (const [alias] of usable(key)) yield alias
  }

  const refuseUnknown = (name: string, key: string | undefined) =>
    refuse(
      new UnknownModel({
        // The name comes from outside and may be of any length.
        alias: name.slice(0, maxAlias),
        near: nearNames(name, aliases(key)),
      }),
    )

  return Models.of({
    resolve: (name, key) =>
      Effect.suspend(() => {
        let alias = name
        let model = table.get(name)
        if (model === undefined) {
          if (fallback === undefined) return refuseUnknown(name, key)
          alias = defaultAlias
          model = fallback
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
      return `the model ${JSON.stringify(reason.alias)} is disabled; enable it in the configuration, or use another`
    case "ModelNotAllowed":
      return `the model ${JSON.stringify(reason.alias)} is not among those that this key may use; use another, or add the key to its allowed_keys`
    case "ProviderDown":
      return `the provider ${JSON.stringify(reason.provider)} of model ${JSON.stringify(reason.alias)} is down: ${reason.detail}; try again later, or use a model of another provider`
  }
}
