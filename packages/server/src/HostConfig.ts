/**
 * The schema of the document of `signalbox serve`: models, providers, default_model_alias, retention, features, stats, listen. A version 1 document
 * of copilot-api is valid unchanged: its models belong to the provider `default`.
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
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import { Effect, Layer, Schema } from "effect"
import { checkEdits, loopProblem, remarks } from "./internal/DocumentChecks.ts"
import { isHostName, isListenAddress, isLoopback } from "./internal/Loopback.ts"

const off = Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(false)))

/** Feature flags. A change takes effect at once. */
export class Features extends Setting.Service<Features>()(
  "@signalbox/server/Features",
  Schema.Struct({
    /** The gateway requires a key (`signalbox keys add`). */
    auth: off,
    /** Serves `/metrics` for Prometheus. */
    telemetry: off,
    /** Prints every call, and errors with their causes. */
    debug: off,
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
) {}

/** The port if the document names none. */
export const defaultPort = 4747

/** The address of the host. The host binds once, so a change takes effect at the next start. */
export class Listen extends Setting.Service<Listen>()(
  "@signalbox/server/Listen",
  ConfigDocument.restartRequired(
    Schema.Struct({
      /** An IP address. Any address except loopback requires `features.auth`. */
      host: Schema.String.check(
        Schema.makeFilter<string>(isListenAddress, { message: "must be an IP address of this machine, or localhost" }),
      ).pipe(Schema.withDecodingDefaultKey(Effect.succeed("127.0.0.1"))),
      /** 1 to 65535, or 0 for a free port. */
      port: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 })).pipe(
        Schema.withDecodingDefaultKey(Effect.succeed(defaultPort)),
      ),
      /** Host names of this host besides `localhost` and addresses, at most 64. Requests to other names are refused (DNS rebinding). */
      names: Schema.Array(
        Schema.String.check(
          Schema.makeFilter<string>(isHostName, {
            message: "must be a host name of at most 253 characters, without a scheme, a port or a path",
          }),
        ),
      )
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
      ? loopProblem(config)
      : {
          path: ["listen", "host"],
          issue: "is reachable from other machines: set features.auth to true first, or listen on 127.0.0.1",
        }
  }),
)

const Document = ConfigDocument.withWarnings(Parts, remarks)

/**
 * The host's document. The environment overrides every key, with the prefix `SIGNALBOX_`.
 *
 * **Example** (Changing the document of a host in memory)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { EventBus } from "@signalbox/core/EventBus"
 * import * as MemoryConfigSource from "@signalbox/core/MemoryConfigSource"
 * import { Reconciler } from "@signalbox/core/Reconciler"
 * import { HostConfig } from "@signalbox/server/HostConfig"
 * import { Effect, Layer } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const store = yield* HostConfig
 *   yield* store.update([{ path: "/features/auth", value: true }])
 *   return (yield* store.snapshot).config.features.auth
 * })
 *
 * const layer = HostConfig.layer.pipe(
 *   Layer.provide(MemoryConfigSource.layer),
 *   Layer.provide(Reconciler.layer),
 *   Layer.provide(EventBus.layer),
 * )
 *
 * strictEqual(await Effect.runPromise(Effect.provide(program, layer)), true)
 * ```
 */
export class HostConfig extends ConfigStore.Service<HostConfig>()("@signalbox/server/HostConfig", {
  schema: Document,
  environmentPrefix: "SIGNALBOX",
  checkEdits,
  seed: `{
  // Edit and save: changes take effect at once in the running host. \`signalbox config --help\` does the same from a shell.
  "version": 1,
  "providers": {
    "echo": { "kind": "echo" } // repeats the prompt, for trials without a key
    // "openai": { "kind": "openai", "api_key": "sk-…" }, or any server with OpenAI's protocol, with its "base_url"
  },
  "models": {
    // the alias that callers use, and its provider and upstream model
    "echo": { "provider": "echo", "upstream": "echo-1" }
  },
  "default_model_alias": "",
  "features": { "auth": false, "telemetry": false, "debug": false }
}
`,
}) {}

/** Every part of the document as a setting. */
export const settings = Layer.mergeAll(
  HostConfig.setting(Listen, (config) => config.listen),
  HostConfig.setting(ProviderSettings, (config) => config.providers),
  HostConfig.setting(ModelSettings, (config) => config.models),
  HostConfig.setting(DefaultModelAlias, (config) => config.default_model_alias),
  HostConfig.setting(Features, (config) => config.features),
  HostConfig.setting(StatsSettings, (config) => config.stats),
  HostConfig.setting(RetentionPolicy, (config) => config.retention),
)
