import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, type Scope } from "effect"
import { APIError } from "openai"
import {
  beginStream,
  chunk,
  completion,
  end,
  type FakeProvider,
  fakeProvider,
  type Received,
  respondJson,
  write,
} from "./FakeProvider.ts"
import { ask, type Document, GatewayConfig, gateway, impatientGateway, openai } from "./GatewayHost.ts"

const documentOf = (a: FakeProvider, b: FakeProvider): Document => ({
  providers: {
    a: { kind: "openai", base_url: a.baseUrl, api_key: "sk-a" },
    b: { kind: "openai", base_url: b.baseUrl, api_key: "sk-b" },
  },
  models: { fast: { provider: "a", upstream: "old-1" }, other: { provider: "b", upstream: "other-1" } },
})

const withTwo = <A, E, R>(run: (a: FakeProvider, b: FakeProvider) => Effect.Effect<A, E, R>) =>
  Effect.scoped(Effect.flatMap(Effect.all([fakeProvider(), fakeProvider()]), ([a, b]) => run(a, b)))

/** A stream that the library has begun to read. `next` is the text of a chunk, or `ended`. */
const openStream = Effect.fnUntraced(function* (provider: FakeProvider, model = "fast") {
  const client = yield* openai()
  const opening = yield* Effect.forkChild(
    Effect.promise(() => client.chat.completions.create({ ...ask("go", model), stream: true })),
  )
  const received = yield* provider.next
  yield* beginStream(received)
  yield* write(received, chunk(received.json.model, "first"))
  const chunks = (yield* Fiber.join(opening))[Symbol.asyncIterator]()
  const next = Effect.map(
    Effect.tryPromise({ try: () => chunks.next(), catch: (error) => error as APIError }),
    ({ done, value }) => (done === true ? "ended" : `${value.model}: ${value.choices[0]?.delta.content}`),
  )
  assert.strictEqual(yield* next, `${model}: first`)
  return { received, next }
})

const complete = Effect.fnUntraced(function* (provider: FakeProvider, model = "fast") {
  const client = yield* openai()
  const asking = yield* Effect.forkChild(Effect.promise(() => client.chat.completions.create(ask("go", model))))
  const received = yield* provider.next
  yield* respondJson(received, completion(received.json.model, "done"))
  assert.strictEqual((yield* Fiber.join(asking)).model, model)
  return received
})

const closed = ({ socket }: Received) => {
  const done = Deferred.makeUnsafe<void>()
  if (socket.destroyed) Deferred.doneUnsafe(done, Effect.void)
  else socket.on("close", () => Deferred.doneUnsafe(done, Effect.void))
  return Deferred.await(done)
}

const live = (title: string, test: () => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(title, () => Effect.scoped(test()))

live("keeps a stream at its provider when its alias moves, and sends the next request to the new provider", () =>
  withTwo((a, b) =>
    Effect.gen(function* () {
      const config = yield* GatewayConfig
      const stream = yield* openStream(a)
      yield* config.update([
        { path: "/models/fast/provider", value: "b" },
        { path: "/models/fast/upstream", value: "new-1" },
      ])
      const moved = yield* complete(b)
      assert.strictEqual(moved.json.model, "new-1")
      assert.strictEqual(moved.headers.authorization, "Bearer sk-b")

      yield* write(stream.received, chunk("old-1", "second"))
      assert.strictEqual(yield* stream.next, "fast: second")
      yield* end(stream.received)
      assert.strictEqual(yield* stream.next, "ended")
    }).pipe(Effect.provide(gateway(documentOf(a, b)))),
  ),
)

live("keeps a stream when its model is removed, and refuses the next request", () =>
  withTwo((a, b) =>
    Effect.gen(function* () {
      const config = yield* GatewayConfig
      const stream = yield* openStream(a)
      yield* config.update([{ path: "/models/fast", remove: true }])
      const client = yield* openai()
      const refused = yield* Effect.flip(
        Effect.tryPromise({
          try: () => client.chat.completions.create(ask("go")),
          catch: (error) => error as APIError,
        }),
      )
      assert.deepStrictEqual([refused.status, refused.code], [404, "model_not_found"])
      yield* end(stream.received, chunk("old-1", "last"))
      assert.strictEqual(yield* stream.next, "fast: last")
      assert.strictEqual(yield* stream.next, "ended")
    }).pipe(Effect.provide(gateway(documentOf(a, b)))),
  ),
)

live("keeps the connections of other providers when one provider gets a new key", () =>
  withTwo((a, b) =>
    Effect.gen(function* () {
      const config = yield* GatewayConfig
      const [firstA, firstB] = [yield* complete(a), yield* complete(b, "other")]
      yield* config.update([{ path: "/providers/a/api_key", value: "sk-a-new" }])
      const [secondA, secondB] = [yield* complete(a), yield* complete(b, "other")]
      assert.strictEqual(secondB.socket, firstB.socket)
      assert.strictEqual(secondB.headers.authorization, "Bearer sk-b")
      assert.notStrictEqual(secondA.socket, firstA.socket)
      assert.strictEqual(secondA.headers.authorization, "Bearer sk-a-new")
    }).pipe(Effect.provide(gateway(documentOf(a, b)))),
  ),
)

live("closes a provider's old connections after its last stream has ended", () =>
  withTwo((a, b) =>
    Effect.gen(function* () {
      const config = yield* GatewayConfig
      const stream = yield* openStream(a)
      yield* config.update([{ path: "/providers/a/api_key", value: "sk-a-new" }])
      yield* complete(a)
      assert.isFalse(stream.received.socket.destroyed)
      yield* write(stream.received, chunk("old-1", "still"))
      assert.strictEqual(yield* stream.next, "fast: still")
      yield* end(stream.received)
      assert.strictEqual(yield* stream.next, "ended")
      yield* closed(stream.received)
    }).pipe(Effect.provide(gateway(documentOf(a, b)))),
  ),
)

live("ends a stream with an error at the drain limit and aborts its request", () =>
  withTwo((a, b) =>
    Effect.gen(function* () {
      const config = yield* GatewayConfig
      const stream = yield* openStream(a)
      yield* config.update([{ path: "/models/other/upstream", value: "other-2" }])
      const error = yield* Effect.flip(stream.next)
      assert.instanceOf(error, APIError)
      assert.strictEqual(error.code, "drain_limit_reached")
      assert.include(error.message, "start the request again")
      yield* Deferred.await(stream.received.gone)
    }).pipe(Effect.provide(impatientGateway(documentOf(a, b)))),
  ),
)
