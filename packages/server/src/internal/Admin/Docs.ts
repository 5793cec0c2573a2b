/**
 * Serves the contract at `/docs` for people and at `/openapi.json` for programs. Neither requires a token, because they describe the version and not
 * this host. The page contains its script (3 MB, read at the first request) and may load nothing from other sites.
 */
import { AdminApi } from "@signalbox/api/AdminApi"
import { Effect, Layer } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { HttpApiScalar, OpenApi } from "effect/http-api"

export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const contract = yield* Effect.cached(Effect.sync(() => HttpServerResponse.jsonUnsafe(OpenApi.fromApi(AdminApi))))
    // Uninterruptible: the first client may leave while others wait for the page.
    const page = yield* Effect.cached(Effect.uninterruptible(loadPage))
    yield* router.add("GET", "/openapi.json", contract)
    yield* router.add(
      "GET",
      "/docs",
      Effect.flatMap(page, (handle) =>
        Effect.map(handle, HttpServerResponse.setHeader("content-security-policy", policy)),
      ),
    )
  }),
)

/** Uses a separate router, because building the layer reads the script. */
const loadPage = Effect.gen(function* () {
  const router = yield* HttpRouter.make
  const scalar = HttpApiScalar.layer(AdminApi, { path: "/docs", scalar: { withDefaultFonts: false } })
  yield* Effect.scoped(Layer.build(Layer.provide(scalar, Layer.succeed(HttpRouter.HttpRouter, router))))
  return Effect.orDie(router.asHttpEffect())
})

const policy = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'none'; base-uri 'none'"
