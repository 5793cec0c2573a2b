/** Responses of providers that quote the key of the host. */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
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
