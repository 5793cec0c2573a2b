/** The typed client of a host's admin API. It needs an `HttpClient` of the platform. */
import { Effect, type Layer, type Redacted } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { HttpApiClient, HttpApiMiddleware } from "effect/http-api"
import { AdminApi } from "./AdminApi.ts"
import { Authorization } from "./Authorization.ts"

/** One method per endpoint, by the group of the contract: `client.config.get()`, `client.events.follow(…)`. */
export interface AdminClient extends HttpApiClient.ForApi<typeof AdminApi> {}

/**
 * Makes a client for the host at `url`.
 *
 * **Details**
 *
 * The token is the text of the file `admin.token` beside the host's document. Responses with an ETag come as `{ body, headers }`. Errors are
 * the classes of `Problems`.
 *
 * **Example** (Changing a value of a running host)
 *
 * ```ts no-run
 * import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
 * import * as AdminClient from "@signalbox/api/AdminClient"
 * import { Config, Console, Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const token = yield* Config.Redacted("TOKEN")
 *   const admin = yield* AdminClient.make({ url: "http://127.0.0.1:4747", token })
 *   const { headers } = yield* admin.config.get()
 *   const payload = { edits: [{ path: "/retention/ledger_days", value: 30 }] }
 *   const { body } = yield* admin.config.update({ headers: { "if-match": headers.etag }, payload })
 *   yield* Console.log(body.changes)
 * })
 *
 * await Effect.runPromise(Effect.provide(program, NodeHttpClient.layerFetch))
 * ```
 */
export const make = (options: {
  readonly url: string
  readonly token: Redacted.Redacted
}): Effect.Effect<AdminClient, never, HttpClient.HttpClient> =>
  HttpApiClient.make(AdminApi, {
    transformClient: HttpClient.mapRequest(HttpClientRequest.prependUrl(options.url)),
  }).pipe(Effect.provide(withToken(options.token)))

const withToken = (token: Redacted.Redacted) =>
  HttpApiMiddleware.layerClient(Authorization, ({ next, request }) =>
    next(HttpClientRequest.bearerToken(request, token)),
  ) satisfies Layer.Layer<HttpApiMiddleware.ForClient<Authorization>>
