/** Adds `/healthz` and `/readyz` to a router. They are separate from the admin API, which loads later. */
import { Effect } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { HostHealth } from "../HostHealth.ts"

export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const host = yield* HostHealth
    yield* router.add(
      "GET",
      "/healthz",
      Effect.map(host.health, (body) => HttpServerResponse.jsonUnsafe(body, { headers })),
    )
    yield* router.add("GET", "/readyz", Effect.map(readiness(host), HttpServerResponse.setHeaders(headers)))
  }),
)

/** 503 until requests are served. */
export const readiness = ({ degraded, ready }: HostHealth["Service"]) =>
  Effect.map(Effect.all({ ready, degraded }), (body) =>
    HttpServerResponse.jsonUnsafe(body, { status: body.ready ? 200 : 503 }),
  )

const headers = { "cache-control": "no-store", "x-content-type-options": "nosniff" }
