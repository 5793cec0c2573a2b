/** `models`: the aliases that callers can use, and their providers: from the host, or from the document when none is running. */
import type { ModelsState, ProviderState } from "@signalbox/api/ModelsGroup"
import { Effect } from "effect"
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
  const { modelsInDocument } = yield* Effect.promise(() => import("./models/modelsInDocument.ts"))
  const state = yield* modelsInDocument(document)
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
    model.allowedKeys.includes("*") ? "all" : model.allowedKeys.join(","),
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
