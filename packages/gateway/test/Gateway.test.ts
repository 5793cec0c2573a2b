import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { beginStream, chunk, completion, end, fakeProvider, respondJson, write } from "./FakeProvider.ts"
import { ask, gateway, openai } from "./GatewayHost.ts"

it.live("sends a completion with the upstream model and returns it with the alias", () =>
  Effect.gen(function* () {
    const provider = yield* fakeProvider()
    yield* Effect.gen(function* () {
      const client = yield* openai("the-callers-own-key")
      const [response] = yield* Effect.all(
        [
          Effect.promise(() => client.chat.completions.create(ask("hello"))),
          Effect.gen(function* () {
            const received = yield* provider.next
            assert.strictEqual(received.path, "/v1/chat/completions")
            assert.strictEqual(received.json.model, "big-1")
            assert.deepStrictEqual(received.json["messages"], ask("hello").messages)
            assert.strictEqual(received.headers.authorization, "Bearer sk-provider")
            assert.notInclude(JSON.stringify(received.headers), "the-callers-own-key")
            yield* respondJson(received, completion("big-1-0613", "hi"))
          }),
        ],
        { concurrency: 2 },
      )
      assert.strictEqual(response.model, "fast")
      assert.strictEqual(response.choices[0]?.message.content, "hi")
    }).pipe(
      Effect.provide(
        gateway({
          providers: { main: { kind: "openai", base_url: provider.baseUrl, api_key: "sk-provider" } },
          models: { fast: { provider: "main", upstream: "big-1" } },
        }),
      ),
    )
  }).pipe(Effect.scoped),
)

it.live("forwards each chunk of a stream at once, with the alias", () =>
  Effect.gen(function* () {
    const provider = yield* fakeProvider()
    yield* Effect.gen(function* () {
      const client = yield* openai()
      const opening = yield* Effect.forkChild(
        Effect.promise(() => client.chat.completions.create({ ...ask("hello"), stream: true })),
      )
      const received = yield* provider.next
      yield* beginStream(received)
      yield* write(received, chunk("big-1", "one "))
      const stream = yield* Fiber.join(opening)
      const chunks = stream[Symbol.asyncIterator]()
      const next = Effect.promise(() => chunks.next())
      const first = yield* next
      assert.strictEqual(first.value?.choices[0]?.delta.content, "one ")
      assert.strictEqual(first.value?.model, "fast")
      // The second chunk exists only now, so the first one was not held back.
      yield* write(received, chunk("big-1", "two"))
      const second = yield* next
      assert.strictEqual(second.value?.choices[0]?.delta.content, "two")
      assert.strictEqual(second.value?.model, "fast")
      yield* end(received)
      assert.isTrue((yield* next).done)
    }).pipe(
      Effect.provide(
        gateway({
          providers: { main: { kind: "openai", base_url: provider.baseUrl } },
          models: { fast: { provider: "main", upstream: "big-1" } },
        }),
      ),
    )
  }).pipe(Effect.scoped),
)

it.live("supports a base_url with a path and a trailing slash", () =>
  Effect.gen(function* () {
    const provider = yield* fakeProvider()
    yield* Effect.gen(function* () {
      const client = yield* openai()
      const asking = yield* Effect.forkChild(Effect.promise(() => client.chat.completions.create(ask("hello"))))
      const received = yield* provider.next
      assert.strictEqual(received.path, "/v1/deep/er/chat/completions")
      yield* respondJson(received, completion("big-1", "hi"))
      yield* Fiber.join(asking)
    }).pipe(
      Effect.provide(
        gateway({
          providers: { main: { kind: "openai", base_url: `${provider.baseUrl}/deep/er/` } },
          models: { fast: { provider: "main", upstream: "big-1" } },
        }),
      ),
    )
  }).pipe(Effect.scoped),
)

it.live("sends an unknown model to the default alias and returns it under that alias", () =>
  Effect.gen(function* () {
    const client = yield* openai()
    const response = yield* Effect.promise(() => client.chat.completions.create(ask("hello", "gpt-3")))
    assert.strictEqual(response.model, "fast")
  }).pipe(
    Effect.provide(
      gateway({
        providers: { echo: { kind: "echo" } },
        models: { fast: { provider: "echo", upstream: "echo-1" } },
        default_model_alias: "fast",
      }),
    ),
    Effect.scoped,
  ),
)
