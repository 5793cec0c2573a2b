import { connect, createServer, type Socket } from "node:net"
import { assert, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import { ProviderFailed, ProviderRecovered } from "@signalbox/core/ModelEvents"
import { Providers } from "@signalbox/core/Providers"
import { Deferred, Effect, Fiber, Stream } from "effect"
import { APIError } from "openai"
import {
  beginStream,
  chunk,
  completion,
  end,
  type FakeProvider,
  fakeProvider,
  respondJson,
  write,
} from "./FakeProvider.ts"
import { ask, baseUrl, gateway, openai, TestClockOffset } from "./GatewayHost.ts"
import { errorIn, raw } from "./Raw.ts"

const secret = "sk-of-the-provider"

const over = (baseUrl: string, clock?: TestClockOffset) =>
  gateway(
    {
      providers: { main: { kind: "openai", base_url: baseUrl, api_key: secret }, echo: { kind: "echo" } },
      models: { fast: { provider: "main", upstream: "big-1" }, echo: { provider: "echo", upstream: "echo-1" } },
    },
    clock === undefined ? {} : { clock },
  )

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

live("forwards an error of the provider unchanged except for cookies and the provider's key", (provider) =>
  Effect.gen(function* () {
    const asking = yield* Effect.forkChild(post())
    const received = yield* provider.next
    const body = JSON.stringify({
      error: { message: `bad key ${secret}, in full ${btoa(`x:${secret}`)}`, code: "invalid_api_key" },
    })
    received.response
      .writeHead(429, {
        "content-type": "application/json",
        "retry-after": "7",
        "x-ratelimit-remaining-requests": "0",
        "set-cookie": "a=b",
        "www-authenticate": "Basic",
        "x-request-id": secret,
        "x-ratelimit-of": btoa(`x:${secret}`),
        "openai-organization": "org-of-the-host",
      })
      .end(body)
    const response = yield* Fiber.join(asking)
    assert.strictEqual(response.status, 429)
    assert.strictEqual(response.headers["retry-after"], "7")
    assert.strictEqual(response.headers["x-ratelimit-remaining-requests"], "0")
    assert.strictEqual(errorIn(response).code, "invalid_api_key")
    assert.include(response.text, "<redacted>")
    assert.notInclude(JSON.stringify(response), secret)
    assert.notInclude(response.text, btoa(`x:${secret}`))
    for (const name of ["set-cookie", "www-authenticate", "x-request-id", "x-ratelimit-of", "openai-organization"]) {
      assert.isUndefined(response.headers[name], name)
    }
  }),
)

live("leaves no part of the provider's key where it cuts a message", (provider) =>
  Effect.gen(function* () {
    const asking = yield* Effect.forkChild(post())
    const received = yield* provider.next
    received.response.writeHead(200, { "content-encoding": "x".repeat(30) + secret }).end("{}")
    const response = yield* Fiber.join(asking)
    assert.deepStrictEqual([response.status, errorIn(response).code], [502, "upstream_broken"])
    assert.notInclude(response.text, secret.slice(0, 6))
  }),
)

live("redacts the provider's key in streams and successful responses", (provider) =>
  Effect.gen(function* () {
    const asking = yield* Effect.forkChild(post(true))
    const received = yield* provider.next
    yield* beginStream(received)
    yield* write(received, chunk("big-1", `your key is ${secret.slice(0, 9)}`).slice(0, -20))
    yield* end(received, `: ${secret}\n\n${chunk("big-1", secret)}`)
    const response = yield* Fiber.join(asking)
    assert.notInclude(response.text, secret)
    assert.include(response.text, "<redacted>")

    const again = yield* Effect.forkChild(post())
    yield* respondJson(yield* provider.next, completion("big-1", secret))
    assert.include((yield* Fiber.join(again)).text, "<redacted>")
  }),
)

/** The texts of a success and an error that quote the provider's key. */
const quoting = (key: string) =>
  Effect.gen(function* () {
    const provider = yield* fakeProvider()
    return yield* Effect.forEach([200, 400], (status) =>
      Effect.gen(function* () {
        const asking = yield* Effect.forkChild(post())
        const received = yield* provider.next
        assert.strictEqual(received.headers.authorization, `Bearer ${key}`)
        yield* respondJson(received, completion("big-1", `${key} is a server`), status)
        return (yield* Fiber.join(asking)).text
      }),
    ).pipe(
      Effect.provide(
        gateway({
          providers: { main: { kind: "openai", base_url: provider.baseUrl, api_key: key } },
          models: { fast: { provider: "main", upstream: "big-1" } },
        }),
      ),
    )
  }).pipe(Effect.scoped)

it.live("keeps placeholder keys in responses, because they are ordinary words", () =>
  Effect.gen(function* () {
    for (const key of ["ollama", "lm-studio", "sk-no-key-required"]) {
      for (const text of yield* quoting(key)) assert.include(text, `${key} is a server`)
    }
  }),
)

it.live("redacts a short key of eight characters", () =>
  Effect.gen(function* () {
    for (const text of yield* quoting("k3y-4711")) {
      assert.include(text, "<redacted> is a server")
      assert.notInclude(text, "k3y-4711")
    }
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

it.live("marks an unreachable provider as down, and recovers it through a probe", () =>
  Effect.gen(function* () {
    const first = yield* fakeProvider()
    const clock = new TestClockOffset()
    yield* first.stop
    yield* Effect.gen(function* () {
      const providers = yield* Providers
      const events = yield* (yield* EventBus).subscribe({ types: [ProviderFailed, ProviderRecovered] })
      const nextEvent = Stream.runHead(events)

      const unreachable = yield* post()
      assert.deepStrictEqual([unreachable.status, errorIn(unreachable).code], [502, "upstream_unreachable"])
      assert.include(errorIn(unreachable).message, "ECONNREFUSED")
      assert.strictEqual(yield* typeOf(nextEvent), "provider.failed")
      const down = yield* post()
      assert.deepStrictEqual(
        [down.status, errorIn(down).code, down.headers["retry-after"]],
        [503, "provider_down", "1"],
      )
      // Models of other providers are not affected.
      assert.strictEqual((yield* post(false, "echo")).status, 200)

      // A failed probe doubles the wait for the next one.
      clock.millis += 1_000
      assert.strictEqual(errorIn(yield* post()).code, "upstream_unreachable")
      clock.millis += 1_000
      assert.strictEqual(errorIn(yield* post()).code, "provider_down")

      const second = yield* fakeProvider(first.port)
      clock.millis += 1_500
      const asking = yield* Effect.forkChild(post(true))
      const received = yield* second.next
      // Other requests are refused while one probes.
      assert.strictEqual(errorIn(yield* post()).code, "provider_down")
      yield* beginStream(received)
      yield* write(received, chunk("big-1", "x"))
      // The response headers end the outage, before the end of the response.
      assert.strictEqual(yield* typeOf(nextEvent), "provider.recovered")
      assert.isUndefined(providers.outage("main"))
      const another = yield* Effect.forkChild(post())
      yield* respondJson(yield* second.next, completion("big-1", "x"))
      assert.strictEqual((yield* Fiber.join(another)).status, 200)
      yield* end(received)
      assert.strictEqual((yield* Fiber.join(asking)).status, 200)
    }).pipe(Effect.provide(over(first.baseUrl, clock)))
  }).pipe(Effect.scoped),
)

const typeOf = <E, R>(
  event: Effect.Effect<
    { readonly _tag: string; readonly value?: { readonly _tag: string; readonly event?: { readonly _tag: string } } },
    E,
    R
  >,
) => Effect.map(event, (found) => found.value?.event?._tag)

it.live("reports a provider that does not speak HTTP as broken instead of down", () =>
  Effect.gen(function* () {
    const server = createServer((socket) => socket.end("hello, this is not HTTP\r\n\r\n"))
    yield* Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void)))
    yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    yield* Effect.gen(function* () {
      const response = yield* post()
      assert.deepStrictEqual([response.status, errorIn(response).code], [502, "upstream_broken"])
      assert.isUndefined((yield* Providers).outage("main"))
    }).pipe(Effect.provide(over(`http://127.0.0.1:${port}`)))
  }).pipe(Effect.scoped),
)

const unreachable = Effect.gen(function* () {
  const response = yield* post()
  assert.deepStrictEqual([response.status, errorIn(response).code], [502, "upstream_unreachable"])
  assert.isDefined((yield* Providers).outage("main"))
})

it.live("reports a provider without TLS behind an https URL as unreachable", () =>
  Effect.gen(function* () {
    const provider = yield* fakeProvider()
    yield* Effect.provide(unreachable, over(provider.baseUrl.replace("http:", "https:")))
    assert.strictEqual(provider.count(), 0)
  }).pipe(Effect.scoped),
)

it.live("reports a provider whose name does not resolve as unreachable", () =>
  Effect.provide(unreachable, over("http://no-such-host.invalid/v1")).pipe(Effect.scoped),
)
