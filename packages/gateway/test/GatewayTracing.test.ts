import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Tracer } from "effect"
import { isTraced } from "../src/internal/Gateway/AttemptSpan.ts"
import { beginStream, chunk, completion, end, type FakeProvider, fakeProvider, respondJson } from "./FakeProvider.ts"
import { addKey, ask, gateway } from "./GatewayHost.ts"
import { raw } from "./Raw.ts"

const providerKey = "sk-of-the-provider"
const question = "the words of the caller"

/** Records every span that ends. */
const recorder = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    },
  })
  return { spans, layer: Layer.succeed(Tracer.Tracer, tracer) }
}

const traced = <R>(
  title: string,
  test: (provider: FakeProvider, spans: ReadonlyArray<Tracer.NativeSpan>) => Effect.Effect<void, unknown, R>,
) =>
  it.live(title, () =>
    Effect.scoped(
      Effect.gen(function* () {
        const provider = yield* fakeProvider()
        const { layer, spans } = recorder()
        const host = gateway({
          providers: { main: { kind: "openai", base_url: provider.baseUrl, api_key: providerKey } },
          models: { fast: { provider: "main", upstream: "big-1" } },
        })
        yield* Effect.provide(test(provider, spans), Layer.provide(host, layer))
      }) as Effect.Effect<void, unknown>,
    ),
  )

const post = (stream: boolean, key: string) =>
  raw({ body: JSON.stringify({ ...ask(question), stream }), headers: { authorization: `Bearer ${key}` } })

/** The spans of requests: the host may create others. */
const ofRequests = (spans: ReadonlyArray<Tracer.NativeSpan>) => ({
  requests: spans.filter(({ kind }) => kind === "server"),
  attempts: spans.filter(({ name }) => name === "Gateway.attempt"),
})

traced("records one span for a request, with the exchange with the provider as its child", (provider, spans) =>
  Effect.gen(function* () {
    const key = yield* addKey("alice")
    for (const stream of [false, true]) {
      const asking = yield* Effect.forkChild(post(stream, key))
      const received = yield* provider.next
      if (stream) {
        yield* beginStream(received)
        yield* end(received, `${chunk("big-1", "hi")}data: [DONE]\n\n`)
      } else yield* respondJson(received, completion("big-1", "hi"))
      assert.strictEqual((yield* Fiber.join(asking)).status, 200)
    }

    const { attempts, requests } = ofRequests(spans)
    assert.lengthOf(requests, 2)
    assert.lengthOf(attempts, 2)
    for (const [index, attempt] of attempts.entries()) {
      assert.strictEqual(attempt.kind, "client")
      assert.strictEqual(requests[index]?.parent._tag, "None")
      assert.strictEqual(attempt.parent._tag === "Some" && attempt.parent.value.spanId, requests[index]?.spanId)
      assert.strictEqual(attempt.status._tag === "Ended" && attempt.status.exit._tag, "Success")
    }
    assert.deepStrictEqual(Object.fromEntries(attempts[0]!.attributes), {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "main",
      "gen_ai.request.model": "big-1",
      "signalbox.alias": "fast",
      "http.response.status_code": 200,
      "gen_ai.usage.input_tokens": 20,
      "gen_ai.usage.output_tokens": 7,
    })
    const recorded = JSON.stringify(
      spans.map(({ attributes, events, name }) => [name, [...attributes], events]),
      (_, value) => (typeof value === "bigint" ? String(value) : value),
    )
    for (const hidden of [key, providerKey, question]) assert.notInclude(recorded, hidden)
  }),
)

traced("records a failed attempt with its kind of error, and no attempt for a refused request", (provider, spans) =>
  Effect.gen(function* () {
    yield* raw({ body: JSON.stringify(ask(question, "unknown")) })
    assert.lengthOf(ofRequests(spans).requests, 1)
    assert.lengthOf(ofRequests(spans).attempts, 0)

    const leaving = yield* Effect.forkChild(post(false, "none"))
    yield* provider.next
    yield* Fiber.interrupt(leaving)
    const ended = Effect.suspend(() => Effect.succeed(ofRequests(spans).attempts[0]?.status._tag === "Ended"))
    yield* Effect.repeat(Effect.andThen(Effect.yieldNow, ended), { until: (isEnded) => isEnded })
    yield* provider.stop
    yield* post(false, "none")
    const kinds = ofRequests(spans).attempts.map(({ attributes, status }) => [
      status._tag === "Ended" && status.exit._tag,
      attributes.get("error.type"),
    ])
    assert.deepStrictEqual(kinds, [
      ["Failure", "aborted"],
      ["Failure", "refused"],
    ])
  }),
)

it.effect("creates no span of its own without a tracer", () =>
  Effect.withFiber((fiber) => {
    assert.isFalse(isTraced(fiber))
    return Effect.provide(
      Effect.withFiber((fiber) => Effect.sync(() => assert.isTrue(isTraced(fiber)))),
      recorder().layer,
    )
  }),
)
