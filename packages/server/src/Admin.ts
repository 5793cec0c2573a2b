/**
 * The admin API of a host, registered on its router: the handlers of `@signalbox/api`'s contract over the host's services, the event feed, the
 * contract itself (`/docs`, `/openapi.json`), and what all of them share: the token, problem details.
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
 * For a router. `graph` is the one whose services `/api/services` shows. `Guard.layer` belongs before it and before whatever else the server
 * answers. The feed's Scope is the router's: see `EventFeed` for how it ends.
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
    // Query and headers are read again there, where `Last-Event-ID` and the request's own response are.
    return handlers.handle("follow", ({ query, request }) => feed.follow(request, query))
  }),
).pipe(Layer.provide(EventFeed.layer))

const authorization = Layer.effect(
  Authorization,
  Effect.map(AdminToken, ({ matches }) => {
    const reading = RequestBodies.makeBodyReader()
    return {
      bearer: (effect, { credential }) =>
        matches(Redacted.value(credential)) ? reading(effect) : Effect.fail(new Unauthorized({ detail: unauthorized })),
    }
  }),
)

const unauthorized =
  "Send `Authorization: Bearer TOKEN` with the token of this host; it stands in the file admin.token beside the document."
