/** `/healthz` and `/readyz`, alone. */
import { Effect } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { HostHealth } from "./Health.ts"

export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { health } = yield* HostHealth
    yield* router.add(
      "GET",
      "/healthz",
      Effect.map(health, (body) => HttpServerResponse.jsonUnsafe(body)),
    )
  }),
)
