/** Models and providers: from the host, or from the document when none is running. */
import { Effect } from "effect"
import { endpoints } from "../AdminEndpoints.ts"
import { request } from "../HostClient.ts"
import { hostOf, target } from "../Target.ts"

export const modelsState = Effect.gen(function* () {
  const document = yield* target
  const host = yield* hostOf(document)
  if (host !== undefined) return { fromHost: true, state: yield* request(host, endpoints.models) }
  const { modelsInDocument } = yield* Effect.promise(() => import("./models/modelsInDocument.ts"))
  return { fromHost: false, state: yield* modelsInDocument(document) }
})
