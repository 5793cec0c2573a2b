/** `reload`: prints the same summary as an editor's `/reload>`. */
import { Effect } from "effect"
import { endpoints } from "../AdminEndpoints.ts"
import { rejectedDocument } from "../ConfigFailure.ts"
import { request } from "../HostClient.ts"
import { printResult } from "../Print.ts"
import { requireHost } from "../Target.ts"
import { escapeLines } from "../TextFormat.ts"

export const reload = Effect.fnUntraced(function* (payload: { readonly ignoreEnvironment: boolean }) {
  const host = yield* requireHost("reload its configuration")
  const result = yield* request(host, endpoints.reload, { payload }).pipe(
    Effect.catchIf(
      ({ kind }) => kind === "rejected",
      () =>
        Effect.flatMap(request(host, endpoints.config), ({ problems, source }) => rejectedDocument(problems, source)),
    ),
  )
  yield* printResult(result, () => escapeLines(result.summary))
})
