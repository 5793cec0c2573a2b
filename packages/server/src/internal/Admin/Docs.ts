/**
 * `/docs`: the contract for people, `/openapi.json`: for programs. Neither needs a token: they say what every host of this version can do, and
 * nothing about this one. The page brings its script (3 MB, read when somebody first asks) and may load nothing from elsewhere.
 */
import { AdminApi } from "@signalbox/api/AdminApi"
import { Effect, Layer } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { HttpApiScalar, OpenApi } from "effect/http-api"

export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const contract = yield* Effect.cached(Effect.sync(() => HttpServerResponse.jsonUnsafe(OpenApi.fromApi(AdminApi))))
    // Whoever asks first and leaves must not take the page along.
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

/** A router of its own: the layer reads the script as soon as it is built. */
const loadPage = Effect.gen(function* () {
  const router = yield* HttpRouter.make
  const scalar = HttpApiScalar.layer(AdminApi, { path: "/docs", scalar: { withDefaultFonts: false } })
  yield* Effect.scoped(Layer.build(Layer.provide(scalar, Layer.succeed(HttpRouter.HttpRouter, router))))
  return Effect.orDie(router.asHttpEffect())
})

const policy = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'none'; base-uri 'none'"
