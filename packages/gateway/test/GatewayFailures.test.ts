import { connect, type Socket } from "node:net"
import { assert, it } from "@effect/vitest"
import { Providers } from "@signalbox/core/Providers"
import { Deferred, Effect, Fiber } from "effect"
import { APIError } from "openai"
import { beginStream, chunk, completion, type FakeProvider, fakeProvider, respondJson, write } from "./FakeProvider.ts"
import { ask, baseUrl, gateway, openai } from "./GatewayHost.ts"
import { errorIn, raw } from "./Raw.ts"

const secret = "sk-of-the-provider"

const over = (baseUrl: string) =>
  gateway({
    providers: { main: { kind: "openai", base_url: baseUrl, api_key: secret }, echo: { kind: "echo" } },
    models: { fast: { provider: "main", upstream: "big-1" }, echo: { provider: "echo", upstream: "echo-1" } },
  })

const live = <R>(title: string, test: (provider: FakeProvider) => Effect.Effect<void, unknown, R>) =>
  it.live(
    title,
    () =>
      Effect.scoped(
        Effect.flatMap(fakeProvider(), (provider) => test(provider).pipe(Effect.provide(over(provider.baseUrl)))),
      ) as Effect.Effect<void, unknown>,
  )

const post = (stream = false, model = "fast") => raw({ body: JSON.stringify({ ...ask("go", model), stream }) })

live("aborts the request to the provider at once when the caller leaves", (provider) =>
  Effect.gen(function* () {
    for (const stream of [false, true]) {
      const asking = yield* Effect.forkChild(post(stream))
      const received = yield* provider.next
      if (stream) {
        yield* beginStream(received)
        yield* write(received, chunk("big-1", "x"))
      }
      yield* Fiber.interrupt(asking)
      yield* Deferred.await(received.gone)
    }
    // The gateway still serves.
    const asking = yield* Effect.forkChild(post())
    yield* respondJson(yield* provider.next, completion("big-1", "x"))
    assert.strictEqual((yield* Fiber.join(asking)).status, 200)
  }),
)

live("keeps serving when a caller leaves in the middle of its body", () =>
  Effect.gen(function* () {
    const { port } = new URL(yield* baseUrl)
    const socket = yield* Effect.callback<Socket>((resume) => {
      const connected = connect(Number(port), "127.0.0.1", () => resume(Effect.succeed(connected)))
    })
    yield* Effect.callback<void>((resume) => {
      const head =
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\nexpect: 100-continue\r\n\r\n{"
      // `100 Continue` shows that the gateway reads.
      socket.once("data", () => resume(Effect.void))
      socket.write(head)
    })
    yield* Effect.callback<void>((resume) => {
      socket.on("close", () => resume(Effect.void))
      socket.resetAndDestroy()
    })
    assert.strictEqual((yield* post(false, "echo")).status, 200)
  }),
)

live("does not retry a request whose provider closes the connection before its response", (provider) =>
  Effect.gen(function* () {
    const asking = yield* Effect.forkChild(post())
    const received = yield* provider.next
    received.socket.destroy()
    const response = yield* Fiber.join(asking)
    assert.deepStrictEqual([response.status, errorIn(response).code], [502, "upstream_broken"])
    assert.strictEqual(response.headers["x-should-retry"], "false")
    assert.strictEqual(provider.count(), 1)
    assert.isUndefined((yield* Providers).outage("main"))
  }),
)

live("ends a broken stream with an error event, which the client library throws", (provider) =>
  Effect.gen(function* () {
    const client = yield* openai()
    const opening = yield* Effect.forkChild(
      Effect.promise(() => client.chat.completions.create({ ...ask("go"), stream: true })),
    )
    const received = yield* provider.next
    yield* beginStream(received)
    yield* write(received, chunk("big-1", "half "))
    const chunks = (yield* Fiber.join(opening))[Symbol.asyncIterator]()
    const next = Effect.tryPromise({ try: () => chunks.next(), catch: (error) => error as APIError })
    assert.strictEqual((yield* next).value?.choices[0]?.delta.content, "half ")
    // Half an event must not be completed by the error event.
    yield* write(received, chunk("big-1", "never").slice(0, 40))
    received.socket.destroy()
    const error = yield* Effect.flip(next)
    assert.instanceOf(error, APIError)
    assert.strictEqual(error.code, "upstream_broken")
  }),
)

live("refuses a truncated response", (provider) =>
  Effect.gen(function* () {
    const asking = yield* Effect.forkChild(post())
    const received = yield* provider.next
    received.response.writeHead(200, { "content-type": "application/json", "content-length": 1000 })
    received.response.write('{"id":1', () => received.socket.destroy())
    const response = yield* Fiber.join(asking)
    assert.deepStrictEqual([response.status, errorIn(response).code], [502, "upstream_broken"])
  }),
)

live("forwards responses that are not JSON byte for byte", (provider) =>
  Effect.gen(function* () {
    for (const [status, type, text] of [
      [200, "text/plain", '{"model":"big-1"}'],
      [503, "text/html", "<h1>model: big-1 ünïcödé</h1>"],
      [200, "application/json", '{"model":"big-1", broken'],
      [200, "application/json", ""],
    ] as const) {
      const asking = yield* Effect.forkChild(post())
      ;(yield* provider.next).response.writeHead(status, { "content-type": type }).end(text)
      const response = yield* Fiber.join(asking)
      assert.deepStrictEqual([response.status, response.headers["content-type"], response.text], [status, type, text])
    }
  }),
)

live("refuses a content encoding that was not requested", (provider) =>
  Effect.gen(function* () {
    const asking = yield* Effect.forkChild(post())
    const received = yield* provider.next
    assert.strictEqual(received.headers["accept-encoding"], "identity")
    received.response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" }).end("x")
    const response = yield* Fiber.join(asking)
    assert.strictEqual(response.status, 502)
    assert.include(errorIn(response).message, "gzip")
  }),
)

live("returns responses of all sizes complete and with the alias", (provider) =>
  Effect.gen(function* () {
    for (const length of [0, 10_000, 16_500, 3_000_000]) {
      const content = "ü😀x".repeat(length / 4)
      const asking = yield* Effect.forkChild(post())
      yield* respondJson(yield* provider.next, completion("big-1", content))
      assert.deepStrictEqual(JSON.parse((yield* Fiber.join(asking)).text), completion("fast", content))
    }
  }),
)
