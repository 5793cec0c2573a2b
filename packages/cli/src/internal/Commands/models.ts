/** `models`: what callers can ask for and where it goes; from a host as it is in force, from the files as the document says. */
import { ModelsGroup, type ModelsState, type ProviderState } from "@signalbox/api/ModelsGroup"
import { defaultProvider, everyKey } from "@signalbox/core/ModelSettings"
import { Effect, type Schema } from "effect"
import { fromApi } from "../Answers.ts"
import { clientOf } from "../Client.ts"
import { hostOf, where } from "../ConfigAccess.ts"
import { answer, type Paint, remark } from "../Print.ts"
import { age, table } from "../TextFormat.ts"

type State = Omit<ModelsState, "cursor">

export const models = Effect.gen(function* () {
  const at = yield* where
  const host = yield* hostOf(at)
  if (host !== undefined) {
    const client = yield* clientOf(host, ModelsGroup)
    const state = yield* Effect.mapError(client.models.list(), fromApi)
    return yield* answer(state, (paint) => text(state, paint))
  }
  const { withLocal } = yield* Effect.promise(() => import("../FileConfigAccess.ts"))
  const { effective } = yield* withLocal(at, "read", ({ state }) => state)
  const state = inDocument(effective)
  yield* answer(state, (paint) => text(state, paint))
  yield* remark("from the document: no host runs here")
})

const text = ({ defaultAlias, models, providers }: State, paint: Paint): string => {
  const down = new Set(providers.filter(({ outage }) => outage !== undefined).map(({ id }) => id))
  const rows = models.map((model) => [
    model.alias === defaultAlias ? `${model.alias} (default)` : model.alias,
    model.provider,
    model.upstream,
    model.enabled ? (down.has(model.provider) ? "provider down" : "yes") : "no",
    model.allowedKeys.includes(everyKey) ? "every" : model.allowedKeys.join(","),
    model.registeredBy ?? "document",
  ])
  const shown =
    rows.length === 0
      ? "no models: `signalbox config set models.NAME.upstream MODEL` adds one"
      : table(modelColumns, rows, paint.bold)
  return [shown, "", table(providerColumns, providers.map(providerRow), paint.bold)].join("\n")
}

const modelColumns = ["MODEL", "PROVIDER", "UPSTREAM", "ENABLED", "KEYS", "FROM"].map((title) => ({ title }))
const providerColumns = ["PROVIDER", "KIND", "URL", "KEY", "STATE"].map((title) => ({ title }))

const providerRow = ({ baseUrl = "", hasKey, id, kind, outage }: ProviderState): ReadonlyArray<string> => [
  id,
  kind,
  baseUrl,
  hasKey ? "set" : "none",
  outage === undefined ? "" : `down for ${age(Math.max(0, Date.now() - outage.since))}: ${outage.reason}`,
]

type Members = Readonly<Record<string, Schema.Json | undefined>>

const membersOf = (value: Schema.Json | undefined): Members =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : {}

const inDocument = (effective: Schema.Json): State => {
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
