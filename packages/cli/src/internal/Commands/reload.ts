/** `reload`: prints the same summary as an editor's `/reload>`. */
import { Effect } from "effect"
import { endpoints } from "../AdminEndpoints.ts"
import { request } from "../HostClient.ts"
import { printResult } from "../Print.ts"
import { requireHost } from "../Target.ts"
import { escapeLines } from "../TextFormat.ts"

export const reload = Effect.fnUntraced(function* (payload: { readonly ignoreEnvironment: boolean }) {
  const result = yield* request(yield* requireHost("reload its configuration"), endpoints.reload, { payload })
  yield* printResult(result, () => escapeLines(result.summary))
})
