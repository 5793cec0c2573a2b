/** `/healthz` and `/readyz`, alone. */
import { Effect } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { HostHealth } from "./Health.ts"

export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { degraded, health, ready } = yield* HostHealth
    yield* router.add(
      "GET",
      "/healthz",
      Effect.map(health, (body) => HttpServerResponse.jsonUnsafe(body)),
    )
    yield* router.add(
      "GET",
      "/readyz",
      Effect.map(Effect.all({ ready, degraded }), (body) =>
        HttpServerResponse.jsonUnsafe(body, { status: body.ready ? 200 : 503 }),
      ),
    )
  }),
)
