/** Providers that cannot be reached, and their recovery. */
import { createServer } from "node:net"
import { assert, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import { ProviderFailed, ProviderRecovered } from "@signalbox/core/ModelEvents"
import { Providers } from "@signalbox/core/Providers"
import { Effect, Fiber, Stream } from "effect"
import { beginStream, chunk, completion, end, fakeProvider, respondJson, write } from "./FakeProvider.ts"
import { ask, gateway, TestClockOffset } from "./GatewayHost.ts"
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

const post = (stream = false, model = "fast") => raw({ body: JSON.stringify({ ...ask("go", model), stream }) })

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
