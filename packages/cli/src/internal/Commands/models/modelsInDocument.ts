/** Reads models and providers from the document, in the form of the admin API. For when no host is running. */
import type { ModelsState } from "@signalbox/api/ModelsGroup"
import { defaultProvider, everyKey } from "@signalbox/core/ModelSettings"
import { Effect, type Schema } from "effect"
import type { Failure } from "../../Failure.ts"
import { withFileConfig } from "../../FileConfigAccess.ts"
import type { Target } from "../../Target.ts"
import { membersOf } from "../membersOf.ts"

type DocumentModels = Omit<ModelsState, "cursor">

export const modelsInDocument = (target: Target): Effect.Effect<DocumentModels, Failure> =>
  withFileConfig(target, "read", ({ state }) => Effect.map(state, ({ effective }) => modelsOf(effective)))

const modelsOf = (effective: Schema.Json): DocumentModels => {
  const { default_model_alias: alias, models, providers } = membersOf(effective)
  return {
    models: Object.entries(membersOf(models)).map(([alias, value]) => {
      const { allowed_keys: keys, enabled, provider, upstream } = membersOf(value)
      return {
        alias,
        provider: String(provider ?? defaultProvider),
        upstream: String(upstream),
        enabled: enabled !== false,
        allowedKeys: Array.isArray(keys) ? keys.map(String) : [everyKey],
      }
    }),
    providers: Object.entries(membersOf(providers)).map(([id, value]) => {
      const { api_key: key, base_url: url, kind } = membersOf(value)
      return {
        id,
        kind: String(kind),
        ...(url === undefined ? {} : { baseUrl: String(url) }),
        hasKey: key !== undefined,
      }
    }),
    defaultAlias: String(alias ?? ""),
  }
}
