/** A host with three settings over a real file, whose services report when they are built and released. */
import * as ConfigStore from "@signalbox/core/ConfigStore"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import * as Setting from "@signalbox/core/Setting"
import * as Signalbox from "@signalbox/node/Signalbox"
import { Context, Effect, Layer, Redacted, Schema, type Scope, Stream } from "effect"
import { DocumentFile } from "./ConfigFollowing.ts"

const Provider = Schema.Struct({ url: Schema.String, key: Schema.RedactedFromValue(Schema.String) })
export class ProviderSettings extends Setting.Service<ProviderSettings>()(
  "test/ProviderSettings",
  Schema.Record(Schema.String, Provider),
) {}
export class ModelSettings extends Setting.Service<ModelSettings>()(
  "test/ModelSettings",
  Schema.Record(Schema.String, Schema.String),
) {}
export class RetentionPolicy extends Setting.Service<RetentionPolicy>()(
  "test/RetentionPolicy",
  Schema.Struct({ days: Schema.Int }),
) {}

export const seed = {
  providers: {
    a: { url: "http://a", key: "sk-a" },
    b: { url: "http://b", key: "sk-b-0" },
    c: { url: "http://c", key: "sk-c" },
  },
  models: { fast: "model-0" },
  retention: { days: 0 },
}
export class AppConfig extends ConfigStore.Service<AppConfig>()("test/AppConfig", {
  schema: Schema.Struct({
    providers: ProviderSettings.schema,
    models: ModelSettings.schema,
    retention: RetentionPolicy.schema,
  }),
  seed: `${JSON.stringify(seed, undefined, 2)}\n`,
}) {}

export interface Instance {
  readonly name: string
  /** The number of instances that were built before it. */
  readonly number: number
  isOpen: boolean
}

/** All instances ever built. */
export class Yard extends Context.Service<Yard, { readonly built: Array<Instance> }>()("test/Yard") {
  static readonly layer = Layer.sync(Yard, () => ({ built: [] }))
}

const build = (name: string): Effect.Effect<Instance, never, Yard | Scope.Scope> =>
  Effect.gen(function* () {
    const { built } = yield* Yard
    const instance = { name, number: built.length, isOpen: true }
    built.push(instance)
    const close = () => {
      instance.isOpen = false
    }
    yield* Effect.addFinalizer(() => Effect.sync(close))
    return instance
  })

interface Serving extends Instance {
  readonly says: string
}
const serve = (instance: Instance, says: string): Serving => Object.assign(instance, { says })

export class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", { url: Schema.String }) {
  override get message(): string {
    return `there is no route to ${this.url}`
  }
}

export class Client extends Context.Service<Client, Serving>()("test/Client") {}
export class Clients extends Context.Service<Clients, ReadonlyMap<string, Serving>>()("test/Clients") {}
export class Router extends Context.Service<Router, Serving>()("test/Router") {
  static readonly layer = Layer.effect(
    Router,
    Effect.gen(function* () {
      const [models, clients] = [yield* ModelSettings.get, yield* Clients]
      return serve(yield* build("router"), `${models["fast"]} at ${clients.get("b")?.says}`)
    }),
  )
}
export class Keeper extends Context.Service<Keeper, Serving>()("test/Keeper") {
  static readonly layer = Layer.effect(
    Keeper,
    Effect.gen(function* () {
      const { days } = yield* RetentionPolicy.get
      return serve(yield* build("keeper"), `${days} days`)
    }),
  )
}
export class Services extends ServiceGraph.Service<Services>()("test/Services", {
  nodes: [
    ServiceGraph.each(Clients, {
      over: ProviderSettings,
      member: Client,
      layer: ({ key, url }, name) =>
        Layer.effect(
          Client,
          Effect.gen(function* () {
            const instance = yield* build(`client ${name}`)
            if (url === "http://nowhere") return yield* new Unreachable({ url })
            return serve(instance, Redacted.value(key))
          }),
        ),
    }),
    ServiceGraph.node(Router, { needs: [ModelSettings, Clients], layer: Router.layer }),
    ServiceGraph.node(Keeper, { needs: [RetentionPolicy], layer: Keeper.layer }),
  ],
}) {}

/** A long-lived service that follows its setting. */
export class Followed extends Context.Service<Followed, { readonly days: Array<number> }>()("test/Followed") {
  static readonly layer = Layer.effect(
    Followed,
    Effect.gen(function* () {
      const days: Array<number> = []
      yield* Effect.forkScoped(
        Stream.runForEach(RetentionPolicy.changes, (policy) => Effect.sync(() => days.push(policy.days))),
      )
      return { days }
    }),
  )
}

export const host = Layer.mergeAll(Services.layer, Followed.layer).pipe(
  Layer.provideMerge(
    Layer.mergeAll(
      AppConfig.setting(ProviderSettings, ({ providers }) => providers),
      AppConfig.setting(ModelSettings, ({ models }) => models),
      AppConfig.setting(RetentionPolicy, ({ retention }) => retention),
    ),
  ),
  Layer.provideMerge(AppConfig.layer),
  Layer.provideMerge(Layer.unwrap(Effect.map(DocumentFile, ({ file }) => Signalbox.layerAt(file)))),
  Layer.provideMerge(Layer.merge(DocumentFile.layer, Yard.layer)),
)

/** Everything that a request can see of its generation. */
export const look = Effect.gen(function* () {
  const [router, keeper, clients] = [yield* Router, yield* Keeper, yield* Clients]
  const { config, hash, revision } = yield* (yield* AppConfig).snapshot
  const key = config.providers["b"]?.key
  const settings = yield* ProviderSettings.get
  const instances = [router, keeper, ...clients.values()]
  return {
    revision,
    hash,
    numbers: instances.map(({ number }) => number),
    areOpen: instances.every(({ isOpen }) => isOpen),
    says: [router.says, keeper.says],
    config: [`${config.models["fast"]} at ${key && Redacted.value(key)}`, `${config.retention.days} days`],
    settings: [
      `${(yield* ModelSettings.get)["fast"]} at ${settings["b"] && Redacted.value(settings["b"].key)}`,
      `${(yield* RetentionPolicy.get).days} days`,
    ],
  }
})
export type Look = Effect.Success<typeof look>
