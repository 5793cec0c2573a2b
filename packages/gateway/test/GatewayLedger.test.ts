import { assert, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import { StatsRecorded } from "@signalbox/core/StatsEvents"
import { CallObserver } from "@signalbox/gateway"
import { Deferred, Effect, Fiber, Latch, Layer, Logger, Stream } from "effect"
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
import { addKey, ask, gateway, type Options } from "./GatewayHost.ts"
import { errorIn, raw } from "./Raw.ts"

const over = (provider: FakeProvider, options?: Options) =>
  gateway(
    {
      providers: { main: { kind: "openai", base_url: provider.baseUrl } },
      models: { fast: { provider: "main", upstream: "big-1" } },
    },
    options,
  )

const live = <R>(title: string, test: (provider: FakeProvider) => Effect.Effect<void, unknown, R>) =>
  it.live(
    title,
    () =>
      Effect.scoped(
        Effect.flatMap(fakeProvider(), (provider) => test(provider).pipe(Effect.provide(over(provider)))),
      ) as Effect.Effect<void, unknown>,
  )

/** The next entry of the ledger. */
const entries = Effect.gen(function* () {
  const stream = yield* (yield* EventBus).subscribe({ types: [StatsRecorded] })
  return Effect.map(Stream.runHead(stream), (found) => {
    if (found._tag === "None" || found.value._tag === "Gap") throw new Error("nothing was recorded")
    return found.value.event.entry
  })
})

const post = (body: string, key?: string) =>
  raw({ body, headers: key === undefined ? {} : { authorization: `Bearer ${key}` } })

live("records caller, route, bytes, tokens and latency of a call without secrets", (provider) =>
  Effect.gen(function* () {
    const key = yield* addKey("alice")
    const recorded = yield* entries
    const asking = yield* Effect.forkChild(post(JSON.stringify(ask("hello")), key))
    const received = yield* provider.next
    yield* respondJson(received, completion("big-1", "hi"))
    yield* Fiber.join(asking)
    const { latencyMillis, time, ...entry } = yield* recorded
    assert.deepStrictEqual(entry, {
      provider: "main",
      model: "fast",
      upstream: "big-1",
      key: "alice",
      project: "",
      bytesSent: received.body.length,
      bytesReceived: JSON.stringify(completion("big-1", "hi")).length,
      inputTokens: 15,
      outputTokens: 7,
      cacheReadTokens: 5,
      cacheWriteTokens: 0,
      reasoningTokens: 3,
      status: 200,
    })
    assert.isNumber(latencyMillis)
    assert.isAbove(time, 0)
    assert.notInclude(JSON.stringify(entry), key)
  }),
)

live("records a stream with the usage of its last chunk and the time to its first", (provider) =>
  Effect.gen(function* () {
    const recorded = yield* entries
    const asking = yield* Effect.forkChild(post(JSON.stringify({ ...ask("hello"), stream: true })))
    const received = yield* provider.next
    yield* beginStream(received)
    yield* write(received, chunk("big-1", "hi"))
    const usage = { prompt_tokens: 4, completion_tokens: 2, total_tokens: 6 }
    yield* end(received, `data: ${JSON.stringify({ model: "big-1", choices: [], usage })}\n\ndata: [DONE]\n\n`)
    const { text } = yield* Fiber.join(asking)
    assert.notInclude(text, "big-1")
    const entry = yield* recorded
    assert.deepInclude(entry, { inputTokens: 4, outputTokens: 2, cacheReadTokens: 0, status: 200, key: "" })
    assert.isNumber(entry.timeToFirstTokenMillis)
    assert.isUndefined(entry.error)
  }),
)

live("records failures by their kind", (provider) =>
  Effect.gen(function* () {
    const recorded = yield* entries
    const begin = Effect.forkChild(post(JSON.stringify({ ...ask("hello"), stream: true })))

    const left = yield* begin
    const first = yield* provider.next
    yield* beginStream(first)
    yield* write(first, chunk("big-1", "hi"))
    yield* Fiber.interrupt(left)
    assert.deepInclude(yield* recorded, { error: "aborted", provider: "main", bytesSent: first.body.length })

    const broken = yield* begin
    const second = yield* provider.next
    second.socket.destroy()
    yield* Fiber.join(broken)
    const entry = yield* recorded
    assert.deepInclude(entry, { error: "upstream", provider: "main" })
    assert.isUndefined(entry.status)

    const refused = yield* begin
    yield* respondJson(yield* provider.next, { error: { message: "slow down" } }, 429)
    yield* Fiber.join(refused)
    const limited = yield* recorded
    assert.deepInclude(limited, { status: 429 })
    assert.isUndefined(limited.error)

    yield* provider.stop
    yield* post(JSON.stringify(ask("hello")))
    assert.deepInclude(yield* recorded, { error: "refused", bytesSent: 0, bytesReceived: 0 })
    yield* post(JSON.stringify(ask("hello")))
    assert.deepInclude(yield* recorded, { error: "down", provider: "main", model: "fast" })
  }),
)

live("records no key for an unknown key that is not required", (provider) =>
  Effect.gen(function* () {
    const recorded = yield* entries
    const asking = yield* Effect.forkChild(post(JSON.stringify(ask("hello")), "sk-whatever"))
    yield* respondJson(yield* provider.next, {})
    assert.strictEqual((yield* Fiber.join(asking)).status, 200)
    assert.strictEqual((yield* recorded).key, "")
  }),
)

it.live("notifies the observer when a call starts and once when it ends, in success and failure", () =>
  Effect.scoped(
    Effect.gen(function* () {
      const calls: Array<string> = []
      const observer = {
        callStarted: ({ model, provider }: { readonly model: string; readonly provider: string }) => {
          calls.push(`${provider}/${model}`)
          return () => void calls.push("ended")
        },
      }
      const provider = yield* fakeProvider()
      yield* Effect.gen(function* () {
        const whole = yield* Effect.forkChild(post(JSON.stringify(ask("hello"))))
        const received = yield* provider.next
        assert.deepStrictEqual(calls, ["main/fast"])
        yield* respondJson(received, completion("big-1", "hi"))
        yield* Fiber.join(whole)
        const broken = yield* Effect.forkChild(post(JSON.stringify(ask("again"))))
        const { response } = yield* provider.next
        response.destroy()
        yield* Fiber.join(broken)
        assert.deepStrictEqual(calls, ["main/fast", "ended", "main/fast", "ended"])
      }).pipe(Effect.provide(Layer.provide(over(provider), Layer.succeed(CallObserver, observer))))
    }),
  ),
)

it.live("records a call before it sends the end of the response", () =>
  Effect.scoped(
    Effect.gen(function* () {
      const provider = yield* fakeProvider()
      const recording = yield* Deferred.make<void>()
      const gate = yield* Latch.make(false)
      const beforeRecord = Effect.andThen(Deferred.succeed(recording, undefined), gate.await)
      yield* Effect.gen(function* () {
        const asking = yield* Effect.forkChild(post(JSON.stringify(ask("hello"))))
        yield* respondJson(yield* provider.next, completion("big-1", "hi"))
        yield* Deferred.await(recording)
        // A sent end would have arrived before this response.
        yield* raw({ method: "GET", path: "/models" })
        assert.isUndefined(asking.pollUnsafe())
        yield* gate.open
        assert.strictEqual((yield* Fiber.join(asking)).status, 200)
      }).pipe(Effect.provide(over(provider, { beforeRecord })))
    }),
  ),
)

it.live("logs a bug, and sends the caller an error with a body", () => {
  const logged: Array<string> = []
  const logger = Logger.make(({ cause, message }) => {
    logged.push([...[message].flat(), ...cause.reasons.map(({ _tag }) => _tag)].join(" "))
  })
  return Effect.scoped(
    Effect.flatMap(fakeProvider(), (provider) =>
      Effect.gen(function* () {
        const asking = yield* Effect.forkChild(post(JSON.stringify(ask("go"))))
        yield* respondJson(yield* provider.next, completion("big-1", "x"))
        const response = yield* Fiber.join(asking)
        assert.deepStrictEqual([response.status, errorIn(response).code], [500, "internal_error"])
        assert.strictEqual(response.headers["x-should-retry"], "false")
        assert.deepStrictEqual(logged, ["POST /v1/chat/completions failed by a bug Die"])

        const cut = yield* Effect.forkChild(Effect.exit(post(JSON.stringify({ ...ask("go"), stream: true }))))
        const received = yield* provider.next
        yield* beginStream(received)
        yield* write(received, chunk("big-1", "x"))
        yield* end(received)
        assert.strictEqual((yield* Fiber.join(cut))._tag, "Failure")
        assert.strictEqual(logged.length, 2)
      }).pipe(
        Effect.provide(Layer.provide(over(provider, { beforeRecord: Effect.die("bug") }), Logger.layer([logger]))),
      ),
    ),
  )
})
