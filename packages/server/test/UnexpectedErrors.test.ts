import { assert, it } from "@effect/vitest"
import { Data, Effect, Layer, Logger } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Guard from "../src/internal/Guard.ts"
import * as UnexpectedErrors from "../src/internal/UnexpectedErrors.ts"

class Broken extends Data.TaggedError("Broken")<{ readonly detail: string }> {}

/** Responds to one GET request of a router with these routes, and returns the lines of its log. */
const ask = Effect.fnUntraced(function* (path: string, routes: Layer.Layer<never, unknown, HttpRouter.HttpRouter>) {
  const logged: Array<string> = []
  const logger = Logger.make(({ cause, logLevel, message }) => {
    logged.push([logLevel, ...[message].flat(), ...cause.reasons.map(({ _tag }) => _tag)].join(" "))
  })
  const app = Layer.mergeAll(UnexpectedErrors.layer, routes).pipe(Layer.provideMerge(Logger.layer([logger])))
  const { dispose, handler } = HttpRouter.toWebHandler(app as typeof routes, { disableLogger: true })
  const response = yield* Effect.promise(() => handler(new Request(`http://127.0.0.1${path}?token=secret`)))
  const body = yield* Effect.promise(() => response.text())
  yield* Effect.promise(dispose)
  return { status: response.status, body, logged }
})

const route = (effect: Effect.Effect<HttpServerResponse.HttpServerResponse, unknown>) =>
  HttpRouter.add("GET", "/x", effect) as Layer.Layer<never, unknown, HttpRouter.HttpRouter>

it.effect("logs every unexpected error, and responds with a problem that does not quote it", () =>
  Effect.gen(function* () {
    const failures: ReadonlyArray<readonly [string, Effect.Effect<never, unknown>]> = [
      ["Die", Effect.die(new Error("private"))],
      ["Fail", Effect.fail(new Broken({ detail: "private" }))],
      ["Fail", Effect.fail("private")],
    ]
    for (const [kind, failure] of failures) {
      const { body, logged, status } = yield* ask("/x", route(failure))
      assert.deepStrictEqual([status, JSON.parse(body).type], [500, "urn:signalbox:problem:internal"])
      assert.notInclude(body, "private")
      assert.deepStrictEqual(logged, [`Error GET /x failed by a bug ${kind}`])
    }
  }),
)

it.effect("covers errors of other middleware", () =>
  Effect.gen(function* () {
    const failing = HttpRouter.middleware(
      Effect.succeed((effect) => Effect.andThen(Effect.die("bug"), effect)),
      { global: true },
    )
    const routes = Layer.mergeAll(failing, Guard.layer, route(Effect.succeed(HttpServerResponse.empty())))
    const { logged, status } = yield* ask("/x", routes as Layer.Layer<never, unknown, HttpRouter.HttpRouter>)
    assert.deepStrictEqual([status, logged.length], [500, 1])
  }),
)

it.effect("leaves responses that are meant alone", () =>
  Effect.gen(function* () {
    const missing = yield* ask("/y", route(Effect.die("bug")))
    assert.deepStrictEqual([missing.status, missing.logged], [404, []])
    const meant = yield* ask("/x", route(Effect.fail(HttpServerResponse.text("no", { status: 403 }))))
    assert.deepStrictEqual([meant.status, meant.body, meant.logged], [403, "no", []])
  }),
)
