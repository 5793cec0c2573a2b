/**
 * The document of `signalbox serve`: models, providers, default_model_alias, retention, features, stats, listen. A document of copilot-api
 * (version 1; facts/copilot-api.md) is one of these as it is: its models go to the provider `default`.
 */
import {
  ConfigStore,
  DefaultModelAlias,
  defaultModelAliasProblem,
  ModelSettings,
  ProviderSettings,
  RetentionPolicy,
  Setting,
  StatsSettings,
} from "@signalbox/core"
import { ConfigDocument } from "@signalbox/core/ConfigDocument"
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { Effect, Layer, Schema } from "effect"
import { isLoopback } from "./internal/Loopback.ts"

const off = Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(false)))

/** Switches, all of them live. */
export class Features extends Setting.Service<Features>()(
  "@signalbox/server/Features",
  Schema.Struct({
    /** The gateway asks for a key (`signalbox keys add`). */
    auth: off,
    /** `/metrics` answers, for Prometheus. */
    telemetry: off,
    /** Logs in detail, and problems say what caused them. */
    debug: off,
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
) {}

/** Where a host listens whose document names no port. */
export const defaultPort = 4747

/** Where the host listens. It binds once: a change takes effect at the next start. */
export class Listen extends Setting.Service<Listen>()(
  "@signalbox/server/Listen",
  ConfigDocument.restartRequired(
    Schema.Struct({
      /** An IP address. Another than a loopback address needs `features.auth`. */
      host: Schema.NonEmptyString.pipe(Schema.withDecodingDefaultKey(Effect.succeed("127.0.0.1"))),
      /** 1 to 65535, or 0: any that is free. */
      port: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 })).pipe(
        Schema.withDecodingDefaultKey(Effect.succeed(defaultPort)),
      ),
      /** By which names others ask for it, besides `localhost` and addresses; at most 64. Requests for another name are refused (DNS rebinding). */
      names: Schema.Array(Schema.NonEmptyString.check(Schema.isMaxLength(253)))
        .check(Schema.isMaxLength(64))
        .pipe(Schema.withDecodingDefaultKey(Effect.succeed([]))),
    }).pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  ),
) {}

const Parts = Schema.Struct({
  listen: Listen.schema,
  providers: ProviderSettings.schema,
  models: ModelSettings.schema,
  default_model_alias: DefaultModelAlias.schema,
  features: Features.schema,
  stats: StatsSettings.schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  retention: RetentionPolicy.schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
}).check(
  Schema.makeFilter((config) => {
    const alias = defaultModelAliasProblem(config.models, config.default_model_alias)
    if (alias !== undefined) return { path: ["default_model_alias"], issue: alias }
    return config.features.auth || isLoopback(config.listen.host)
      ? undefined
      : {
          path: ["listen", "host"],
          issue: "is reachable from other machines: set features.auth to true first, or listen on 127.0.0.1",
        }
  }),
)

const Document = ConfigDocument.withWarnings(Parts, ({ models, providers }) => {
  const orphans = new Map<string, Array<string>>()
  for (const [alias, { provider }] of Object.entries(models)) {
    if (Object.hasOwn(providers, provider)) continue
    const aliases = orphans.get(provider)
    if (aliases === undefined) orphans.set(provider, [alias])
    else aliases.push(alias)
  }
  return Array.from(orphans, ([provider, [first = "", ...others]]) => ({
    path: ["models", first, "provider"],
    message:
      `there is no provider ${JSON.stringify(provider)}${didYouMean(nearNames(provider, Object.keys(providers)))}` +
      `${others.length === 0 ? "" : `, to which ${others.length + 1} models go`}: add it to providers, or name another`,
  }))
})

/** The host's document; any key of it is also read from the environment, `SIGNALBOX_` before its path. */
export class HostConfig extends ConfigStore.Service<HostConfig>()("@signalbox/server/HostConfig", {
  schema: Document,
  environmentPrefix: "SIGNALBOX",
  seed: `{
  // Edit and save: what changes takes effect at once, in the running host. \`signalbox config --help\` does the same from a shell.
  "version": 1,
  "providers": {
    "echo": { "kind": "echo" } // answers from the prompt, for trying things without a key
    // "openai": { "kind": "openai", "api_key": "sk-…" }, and any server that speaks OpenAI's protocol with its "base_url"
  },
  "models": {
    // the name that callers use, and where it goes
    "echo": { "provider": "echo", "upstream": "echo-1" }
  },
  "default_model_alias": "",
  "features": { "auth": false, "telemetry": false, "debug": false }
}
`,
}) {}

/** Each part of the document as the setting that it is. */
export const settings = Layer.mergeAll(
  HostConfig.setting(Listen, (config) => config.listen),
  HostConfig.setting(ProviderSettings, (config) => config.providers),
  HostConfig.setting(ModelSettings, (config) => config.models),
  HostConfig.setting(DefaultModelAlias, (config) => config.default_model_alias),
  HostConfig.setting(Features, (config) => config.features),
  HostConfig.setting(StatsSettings, (config) => config.stats),
  HostConfig.setting(RetentionPolicy, (config) => config.retention),
)
