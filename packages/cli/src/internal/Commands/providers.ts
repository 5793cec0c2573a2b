/** `providers`: the providers with their addresses and states: from the host, or from the document when none is running. */
import type { ProviderState } from "@signalbox/api/ModelsGroup"
import { Effect } from "effect"
import { printNote, printResult } from "../Print.ts"
import { formatDuration, table } from "../TextFormat.ts"
import { modelsState } from "./modelsState.ts"

export const providers = Effect.gen(function* () {
  const { fromHost, state } = yield* modelsState
  yield* printResult({ providers: state.providers }, (colors) =>
    state.providers.length === 0
      ? "no providers: `signalbox providers add openai` adds one"
      : table(providerColumns, state.providers.map(providerRow), colors.bold),
  )
  if (!fromHost) yield* printNote("from the document: no host is running")
})

export const providerColumns = ["PROVIDER", "KIND", "URL", "KEY", "STATE"].map((title) => ({ title }))

export const providerRow = ({ baseUrl = "", hasKey, id, kind, outage }: ProviderState): ReadonlyArray<string> => [
  id,
  kind,
  baseUrl,
  hasKey ? "set" : "none",
  outage === undefined ? "" : `down for ${formatDuration(Math.max(0, Date.now() - outage.since))}: ${outage.reason}`,
]
