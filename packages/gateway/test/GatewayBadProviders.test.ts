/** Misbehaving providers: the response for the caller and the entry in the ledger. */
import { assert, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import { StatsRecorded } from "@signalbox/core/StatsEvents"
import { Deferred, Effect, Fiber, Stream } from "effect"
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
import { ask, gateway } from "./GatewayHost.ts"
import { errorIn, raw } from "./Raw.ts"

const secret = "sk-of-the-provider"

const live = <R>(title: string, test: (provider: FakeProvider) => Effect.Effect<void, unknown, R>) =>
  it.live(
    title,
    () =>
      Effect.scoped(
        Effect.flatMap(fakeProvider(), (provider) =>
          test(provider).pipe(
            Effect.provide(
              gateway({
                providers: { main: { kind: "openai", base_url: provider.baseUrl, api_key: secret } },
                models: { fast: { provider: "main", upstream: "big-1" } },
              }),
            ),
          ),
        ),
      ) as Effect.Effect<void, unknown>,
  )

const post = (stream = false) => raw({ body: JSON.stringify({ ...ask("go"), stream }) })

/** The next entry of the ledger. */
const entries = Effect.gen(function* () {
  const stream = yield* (yield* EventBus).subscribe({ types: [StatsRecorded] })
  return Effect.map(Stream.runHead(stream), (found) => {
    if (found._tag === "None" || found.value._tag === "Gap") throw new Error("nothing was recorded")
    return found.value.event.entry
  })
})

live("completes the response at [DONE] and closes the connection of a provider that leaves it open", (provider) =>
  Effect.gen(function* () {
    const left: Array<Deferred.Deferred<void>> = []
    for (const last of ["data: [DONE]\n\n", "data: [DONE]\r\n\r\n", "data: [DONE]\n\n: and more\n\n"]) {
      const asking = yield* Effect.forkChild(post(true))
      const received = yield* provider.next
      yield* beginStream(received)
      yield* write(received, chunk("big-1", "x") + last)
      assert.include((yield* Fiber.join(asking)).text, "data: [DONE]")
      left.push(received.gone)
    }
    yield* Effect.forEach(left, Deferred.await)
  }),
)

live("keeps the connection of a provider that ends its response after [DONE]", (provider) =>
  Effect.gen(function* () {
    for (let calls = 0; calls < 3; calls++) {
      const asking = yield* Effect.forkChild(post(true))
      const received = yield* provider.next
      yield* beginStream(received)
      yield* write(received, "data: [DONE]\n\n")
      yield* Fiber.join(asking)
      yield* end(received, "")
    }
    assert.strictEqual(provider.sockets.size, 1)
  }),
)

live("refuses a redirect, and reports the wrong base_url and the origin of the target", (provider) =>
  Effect.gen(function* () {
    const recorded = yield* entries
    for (const [location, expected] of [
      [`https://elsewhere.test/v1/x?key=${secret}`, "https://elsewhere.test"],
      [`https://${secret}.test/v1`, "<redacted>"],
      ["/v1/x", "base_url"],
    ] as const) {
      const asking = yield* Effect.forkChild(post())
      ;(yield* provider.next).response.writeHead(307, { location }).end()
      const response = yield* Fiber.join(asking)
      assert.deepStrictEqual([response.status, errorIn(response).code], [502, "upstream_redirected"])
      assert.strictEqual(response.headers["x-should-retry"], "false")
      assert.include(errorIn(response).message, expected)
      assert.notInclude(response.text, secret)
      assert.notInclude(response.text, "/v1/x")
      assert.deepInclude(yield* recorded, { status: 307, error: "upstream_redirected" })
    }
  }),
)

live("reports a refused provider key as 502 without any part of the key", (provider) =>
  Effect.gen(function* () {
    const recorded = yield* entries
    const asking = yield* Effect.forkChild(post(true))
    yield* respondJson(
      yield* provider.next,
      { error: { message: `Incorrect API key provided: ${secret.slice(0, 8)}****ider`, code: "invalid_api_key" } },
      401,
    )
    const response = yield* Fiber.join(asking)
    assert.deepStrictEqual([response.status, errorIn(response).code], [502, "provider_refused_key"])
    assert.strictEqual(response.headers["x-should-retry"], "false")
    assert.include(errorIn(response).message, "providers.main.api_key")
    assert.notInclude(response.text, secret.slice(0, 8))
    assert.deepInclude(yield* recorded, { status: 401, error: "provider_refused_key" })
  }),
)

live("ends a stream with an error only if it ended in the middle of an event", (provider) =>
  Effect.gen(function* () {
    const recorded = yield* entries
    const whole = chunk("big-1", "half")
    for (const [last, isTruncated] of [
      [whole.slice(0, 40), true],
      ["dat", true],
      ["data: [DO", true],
      [whole.trimEnd(), false],
      ["data: [DONE]", false],
      [": bye", false],
      ["", false],
    ] as const) {
      const asking = yield* Effect.forkChild(post(true))
      const received = yield* provider.next
      yield* beginStream(received)
      yield* end(received, chunk("big-1", "x") + last)
      const { text } = yield* Fiber.join(asking)
      assert.strictEqual(text.endsWith(',"code":"upstream_broken"}}\n\n'), isTruncated, last)
      assert.strictEqual((yield* recorded).error, isTruncated ? "upstream" : undefined, last)
    }
  }),
)

live("forwards an error in a stream and records the call as failed", (provider) =>
  Effect.gen(function* () {
    const recorded = yield* entries
    for (const [member, error] of [
      ['{"message":"overloaded"}', "upstream"],
      ['"overloaded"', "upstream"],
      ["null", undefined],
    ] as const) {
      const asking = yield* Effect.forkChild(post(true))
      const received = yield* provider.next
      yield* beginStream(received)
      yield* end(received, `data: {"error":${member}}\n\ndata: [DONE]\n\n`)
      assert.strictEqual((yield* Fiber.join(asking)).text, `data: {"error":${member}}\n\ndata: [DONE]\n\n`)
      assert.strictEqual((yield* recorded).error, error)
    }
  }),
)

live("records invalid JSON and an error with status 200 as failed calls", (provider) =>
  Effect.gen(function* () {
    const recorded = yield* entries
    for (const [status, text, error] of [
      [200, '{"model":"big-1", broken', "upstream"],
      [200, "", "upstream"],
      [200, '{"error":{"message":"no"}}', "upstream"],
      [200, JSON.stringify(completion("big-1", "x")), undefined],
      [400, "{", undefined],
      [400, '{"error":{"message":"no"}}', undefined],
    ] as const) {
      const asking = yield* Effect.forkChild(post())
      ;(yield* provider.next).response.writeHead(status, { "content-type": "application/json" }).end(text)
      yield* Fiber.join(asking)
      assert.strictEqual((yield* recorded).error, error, `${status} ${text}`)
    }
  }),
)
