/**
 * The admin API of a host on its router: handlers for the contract of `@signalbox/api`, the event feed, and the contract itself (`/docs`,
 * `/openapi.json`). All of them share the token check and report errors as problem details.
 */
import { AdminApi } from "@signalbox/api/AdminApi"
import { Authorization } from "@signalbox/api/Authorization"
import { Unauthorized } from "@signalbox/api/Problems"
import { Effect, Layer, Redacted } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AdminToken } from "./AdminToken.ts"
import { EventFeed } from "./EventFeed.ts"
import * as ConfigHandlers from "./internal/Admin/ConfigHandlers.ts"
import * as CredentialsHandlers from "./internal/Admin/CredentialsHandlers.ts"
import * as Docs from "./internal/Admin/Docs.ts"
import * as InvalidRequests from "./internal/Admin/InvalidRequests.ts"
import * as RequestBodies from "./internal/Admin/RequestBodies.ts"
import * as Responses from "./internal/Admin/Responses.ts"
import * as StateHandlers from "./internal/Admin/StateHandlers.ts"

export { AdminToken } from "./AdminToken.ts"
export * as Guard from "./internal/Guard.ts"

/**
 * Adds the admin API to the router. `graph` is the ServiceGraph that `/api/services` shows.
 *
 * **Gotchas**
 *
 * Add `Guard.layer` before it and before all other routes of the server. The event feed ends with the router's Scope; `EventFeed` describes how.
 *
 * **Example** (An admin API over your own graph)
 *
 * ```ts
 * import { Models } from "@signalbox/core/Models"
 * import * as ServiceGraph from "@signalbox/core/ServiceGraph"
 * import * as Admin from "@signalbox/server/Admin"
 * import { Layer, Redacted } from "effect"
 *
 * class Services extends ServiceGraph.Service<Services>()("example/Services", { nodes: [Models.node] }) {}
 *
 * // Still requires a router, HostConfig, HostHealth and the services that the handlers read.
 * const admin = Layer.mergeAll(Admin.Guard.layer, Admin.layer(Services)).pipe(
 *   Layer.provide(Admin.AdminToken.layer(Redacted.make("a-long-random-token"))),
 * )
 *
 * Layer.isLayer(admin) // => true
 * ```
 */
export const layer = <Self>(graph: StateHandlers.Graph<Self>) =>
  Layer.mergeAll(
    Responses.layer,
    Docs.layer,
    HttpApiBuilder.layer(AdminApi).pipe(
      Layer.provide([
        ConfigHandlers.layer,
        CredentialsHandlers.layer,
        StateHandlers.servicesOf(graph),
        StateHandlers.models,
        StateHandlers.stats,
        StateHandlers.health,
        events,
      ]),
      Layer.provide([authorization, InvalidRequests.layer]),
    ),
  )

const events = HttpApiBuilder.group(
  AdminApi,
  "events",
  Effect.fnUntraced(function* (handlers) {
    const feed = yield* EventFeed
    // `follow` reads `Last-Event-ID` and the response from the request itself.
    return handlers.handle("follow", ({ query, request }) => feed.follow(request, query))
  }),
).pipe(Layer.provide(EventFeed.layer))

const authorization = Layer.effect(
  Authorization,
  Effect.map(AdminToken, ({ matches }) => {
    const readBody = RequestBodies.makeBodyReader()
    return {
      bearer: (effect, { credential }) =>
        matches(Redacted.value(credential))
          ? readBody(effect)
          : Effect.fail(new Unauthorized({ detail: unauthorized })),
    }
  }),
)

const unauthorized =
  "Send `Authorization: Bearer TOKEN` with the token of this host, from the file admin.token beside the document."
