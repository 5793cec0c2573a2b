/** The typed client of a host's admin API. What it needs is an `HttpClient` of the platform. */
import { Effect, type Layer, type Redacted } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { HttpApiClient, HttpApiMiddleware } from "effect/http-api"
import { AdminApi } from "./AdminApi.ts"
import { Authorization } from "./Authorization.ts"

/** `client.config.get()`, `client.events.follow(…)` and so on: a group of the contract, then its endpoint. */
export interface AdminClient extends HttpApiClient.ForApi<typeof AdminApi> {}

/** For the host at `url` (`http://127.0.0.1:4747`), with what is in its token file. */
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
