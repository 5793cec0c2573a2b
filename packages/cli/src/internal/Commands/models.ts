/** `models`: the aliases that callers can use, and their providers: from the host, or from the document when none is running. */
import type { ModelsState, ProviderState } from "@signalbox/api/ModelsGroup"
import { defaultProvider, everyKey } from "@signalbox/core/ModelSettings"
import { Effect, type Schema } from "effect"
import { endpoints } from "../AdminEndpoints.ts"
import { request } from "../HostClient.ts"
import { type Colors, printNote, printResult } from "../Print.ts"
import { hostOf, target } from "../Target.ts"
import { formatDuration, table } from "../TextFormat.ts"

type State = Omit<ModelsState, "cursor">

export const models = Effect.gen(function* () {
  const document = yield* target
  const host = yield* hostOf(document)
  if (host !== undefined) {
    const state = yield* request(host, endpoints.models)
    return yield* printResult(state, (colors) => text(state, colors))
  }
  const { withFileConfig } = yield* Effect.promise(() => import("../FileConfigAccess.ts"))
  const { effective } = yield* withFileConfig(document, "read", ({ state }) => state)
  const state = inDocument(effective)
  yield* printResult(state, (colors) => text(state, colors))
  yield* printNote("from the document: no host is running")
})

const text = ({ defaultAlias, models, providers }: State, colors: Colors): string => {
  const down = new Set(providers.filter(({ outage }) => outage !== undefined).map(({ id }) => id))
  const rows = models.map((model) => [
    model.alias === defaultAlias ? `${model.alias} (default)` : model.alias,
    model.provider,
    model.upstream,
    model.enabled ? (down.has(model.provider) ? "provider down" : "yes") : "no",
    model.allowedKeys.includes(everyKey) ? "all" : model.allowedKeys.join(","),
    model.registeredBy ?? "document",
  ])
  const modelTable =
    rows.length === 0
      ? "no models: `signalbox config set models.NAME.upstream MODEL` adds one"
      : table(modelColumns, rows, colors.bold)
  return [modelTable, "", table(providerColumns, providers.map(providerRow), colors.bold)].join("\n")
}

const modelColumns = ["MODEL", "PROVIDER", "UPSTREAM", "ENABLED", "KEYS", "FROM"].map((title) => ({ title }))
const providerColumns = ["PROVIDER", "KIND", "URL", "KEY", "STATE"].map((title) => ({ title }))

const providerRow = ({ baseUrl = "", hasKey, id, kind, outage }: ProviderState): ReadonlyArray<string> => [
  id,
  kind,
  baseUrl,
  hasKey ? "set" : "none",
  outage === undefined ? "" : `down for ${formatDuration(Math.max(0, Date.now() - outage.since))}: ${outage.reason}`,
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
