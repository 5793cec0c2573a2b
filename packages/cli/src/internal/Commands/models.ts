/** `models`: the aliases that callers can use, and their providers: from the host, or from the document when none is running. */
import type { ModelsState } from "@signalbox/api/ModelsGroup"
import { Effect } from "effect"
import { type Colors, printNote, printResult } from "../Print.ts"
import { table } from "../TextFormat.ts"
import { modelsState } from "./modelsState.ts"
import { providerColumns, providerRow } from "./providers.ts"

type State = Omit<ModelsState, "cursor">

export const models = Effect.gen(function* () {
  const { fromHost, state } = yield* modelsState
  yield* printResult(state, (colors) => text(state, colors))
  if (!fromHost) yield* printNote("from the document: no host is running")
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
    rows.length === 0 ? "no models: `signalbox models add ALIAS` adds one" : table(modelColumns, rows, colors.bold)
  return [modelTable, "", table(providerColumns, providers.map(providerRow), colors.bold)].join("\n")
}

const modelColumns = ["MODEL", "PROVIDER", "UPSTREAM", "ENABLED", "KEYS", "FROM"].map((title) => ({ title }))
