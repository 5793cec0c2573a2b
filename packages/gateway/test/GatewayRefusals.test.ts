import { assert, it } from "@effect/vitest"
import { StatsLedger } from "@signalbox/core/StatsLedger"
import { Effect, Fiber, type Scope } from "effect"
import { fakeProvider } from "./FakeProvider.ts"
import { addKey, ask, type Document, GatewayConfig, gateway, openai } from "./GatewayHost.ts"
import { errorIn, raw } from "./Raw.ts"

const document: Document = {
  providers: { echo: { kind: "echo" }, claude: { kind: "anthropic", api_key: "sk-ant" } },
  models: {
    fast: { provider: "echo", upstream: "echo-1" },
    slow: { provider: "echo", upstream: "echo-2" },
    off: { provider: "echo", upstream: "echo-3", enabled: false },
    private: { provider: "echo", upstream: "echo-4", allowed_keys: ["alice"] },
    sonnet: { provider: "claude", upstream: "claude-x" },
    orphan: { provider: "nobody", upstream: "x" },
  },
}

const live = <R>(title: string, test: () => Effect.Effect<void, unknown, R>) =>
  it.live(
    title,
    () => test().pipe(Effect.provide(gateway(document)), Effect.scoped) as Effect.Effect<void, unknown, Scope.Scope>,
  )

const post = (body: string | Buffer, headers: Readonly<Record<string, string>> = {}) =>
  raw({ body, headers: { "content-type": "application/json", ...headers } })

const refusedWith = Effect.fnUntraced(function* (body: unknown, headers?: Readonly<Record<string, string>>) {
  const response = yield* post(typeof body === "string" ? body : JSON.stringify(body), headers)
  return [response.status, errorIn(response).code, errorIn(response).param] as const
})

live("refuses invalid requests in OpenAI's shape, with advice", () =>
  Effect.gen(function* () {
    const malformed = yield* post('{"model": "fast",')
    assert.strictEqual(malformed.status, 400)
    assert.strictEqual(malformed.headers["content-type"], "application/json")
    assert.include(errorIn(malformed).message, "send a JSON object")
    assert.strictEqual(errorIn(malformed).type, "invalid_request_error")
    assert.deepStrictEqual(yield* refusedWith("[]"), [400, null as never, null])
    assert.deepStrictEqual(yield* refusedWith({}), [400, "missing_required_parameter", "model"])
    assert.deepStrictEqual(yield* refusedWith({ model: 7 }), [400, "invalid_type", "model"])
    assert.deepStrictEqual(yield* refusedWith({ model: "fast", stream: "yes" }), [400, "invalid_type", "stream"])
    assert.deepStrictEqual(yield* refusedWith('{"model":"fast","mod\\u0065l":"private"}'), [
      400,
      "invalid_value",
      "model",
    ])
    // A provider's parser may ignore case and use the last member, which names another model.
    for (const key of ["Model", "MODEL", "mod\\u0045l"]) {
      const body = `{"model":"fast","${key}":"private"}`
      assert.deepStrictEqual(yield* refusedWith(body), [400, "invalid_value", "model"], key)
    }
  }),
)

live("refuses unknown models with near names, and disabled, forbidden and unsupported ones with their reason", () =>
  Effect.gen(function* () {
    const client = yield* openai()
    const unknown = yield* Effect.flip(
      Effect.tryPromise({
        try: () => client.chat.completions.create(ask("x", "fats")),
        catch: (error) => error as Error & { status: number; code: string },
      }),
    )
    assert.deepStrictEqual([unknown.status, unknown.code], [404, "model_not_found"])
    assert.include(unknown.message, 'did you mean "fast"')
    assert.deepStrictEqual(yield* refusedWith(ask("x", "off")), [404, "model_disabled", "model"])
    assert.deepStrictEqual(yield* refusedWith(ask("x", "private")), [403, "model_not_allowed", "model"])
    assert.deepStrictEqual(yield* refusedWith(ask("x", "sonnet")), [501, "provider_kind_unsupported", null])
    assert.deepStrictEqual(yield* refusedWith(ask("x", "orphan")), [500, "provider_unknown", null])
    // The ledger has the calls with a provider.
    const { models } = yield* (yield* StatsLedger).snapshot()
    assert.sameMembers(Object.keys(models), ["sonnet", "orphan"])
  }),
)

live("refuses a body above 32 MiB, announced or not", () =>
  Effect.gen(function* () {
    const announced = yield* raw({
      body: Buffer.alloc(8),
      headers: { "content-length": String(33 * 1024 * 1024) },
    }).pipe(Effect.timeout("20 seconds"))
    assert.deepStrictEqual([announced.status, errorIn(announced).code], [413, "request_too_large"])
    const sent = yield* raw({ body: Buffer.alloc(33 * 1024 * 1024, " "), headers: { "transfer-encoding": "chunked" } })
    assert.deepStrictEqual([sent.status, errorIn(sent).code], [413, "request_too_large"])
  }),
)

live("sends 100 Continue to a caller that waits for it", () =>
  Effect.gen(function* () {
    const text = JSON.stringify(ask("hello there"))
    for (const expect of ["100-continue", "100-Continue"]) {
      const response = yield* post(text, { expect, "content-length": String(text.length) })
      assert.strictEqual(response.status, 200)
    }
  }),
)

live("refuses other methods and paths and names the supported ones", () =>
  Effect.gen(function* () {
    const method = yield* raw({ method: "GET" })
    assert.deepStrictEqual(
      [method.status, method.headers.allow, errorIn(method).code],
      [405, "POST", "method_not_allowed"],
    )
    const posted = yield* raw({ path: "/models", body: "{}" })
    assert.deepStrictEqual([posted.status, posted.headers.allow], [405, "GET, HEAD"])
    const head = yield* raw({ method: "HEAD", path: "/models" })
    assert.deepStrictEqual([head.status, head.text], [200, ""])
    const path = yield* raw({ method: "GET", path: "/nothing" })
    assert.deepStrictEqual([path.status, errorIn(path).code], [404, "not_found"])
    for (const unreadable of ["/%zz", "/models/%", "/chat/completions%4"]) {
      const response = yield* raw({ path: unreadable, body: "{}" })
      assert.deepStrictEqual([response.status, errorIn(response).code], [400, "invalid_path"])
    }
  }),
)

live("tells client libraries not to retry when the configuration is wrong", () =>
  Effect.gen(function* () {
    for (const model of ["orphan", "sonnet"]) {
      const response = yield* post(JSON.stringify(ask("x", model)))
      assert.strictEqual(response.headers["x-should-retry"], "false", model)
    }
  }),
)

live("lists the aliases that the caller may use", () =>
  Effect.gen(function* () {
    const alice = yield* addKey("alice", ["fast", "private"])
    const listed = (apiKey?: string) =>
      Effect.gen(function* () {
        const client = yield* openai(apiKey)
        const page = yield* Effect.promise(() => client.models.list())
        return page.data.map(({ id }) => id)
      })
    assert.sameMembers(yield* listed(), ["fast", "slow", "sonnet", "orphan"])
    assert.sameMembers(yield* listed(alice), ["fast", "private"])
    const client = yield* openai(alice)
    const model = yield* Effect.promise(() => client.models.retrieve("private"))
    assert.deepStrictEqual(model, { id: "private", object: "model", created: 0, owned_by: "echo" } as never)
    const unknown = yield* raw({ method: "GET", path: "/models/slow", headers: { authorization: `Bearer ${alice}` } })
    assert.deepStrictEqual([unknown.status, errorIn(unknown).code], [404, "model_not_found"])
    const broken = yield* raw({ method: "GET", path: "/models/%ff" })
    assert.deepStrictEqual([broken.status, errorIn(broken).code], [400, "invalid_path"])
  }),
)

live("requires a key on all routes as soon as the setting changes", () =>
  Effect.gen(function* () {
    const config = yield* GatewayConfig
    const key = yield* addKey("alice", ["fast", "private"])
    const bearer = { authorization: `Bearer ${key}` }
    assert.strictEqual((yield* post(JSON.stringify(ask("x")))).status, 200)
    yield* config.update([{ path: "/require_keys", value: true }])
    const missing = yield* post(JSON.stringify(ask("x")))
    assert.deepStrictEqual([missing.status, errorIn(missing).code], [401, "missing_api_key"])
    assert.include(String(missing.headers["www-authenticate"]), "Bearer")
    assert.deepStrictEqual(yield* refusedWith(ask("x"), { authorization: "Bearer sk-wrong" }), [
      401,
      "invalid_api_key",
      null,
    ])
    assert.strictEqual((yield* raw({ method: "GET", path: "/models" })).status, 401)

    assert.strictEqual((yield* post(JSON.stringify(ask("x")), bearer)).status, 200)
    assert.strictEqual((yield* post(JSON.stringify(ask("x", "private")), bearer)).status, 200)
    // A key gets no details about models outside of its own list.
    assert.deepStrictEqual(yield* refusedWith(ask("x", "slow"), bearer), [403, "model_not_allowed", "model"])
    assert.deepStrictEqual(yield* refusedWith(ask("x", "off"), bearer), [403, "model_not_allowed", "model"])
    const near = yield* post(JSON.stringify(ask("x", "slo")), bearer)
    assert.notInclude(near.text, "slow")
  }),
)

it.live("never sends the caller's key or identity to a provider", () =>
  Effect.gen(function* () {
    const provider = yield* fakeProvider()
    yield* Effect.gen(function* () {
      const key = yield* addKey("alice")
      const asking = yield* Effect.forkChild(
        post(JSON.stringify(ask("x")), {
          authorization: `Bearer ${key}`,
          cookie: "session=1",
          "x-api-key": key,
          "openai-organization": "org-1",
          "openai-beta": "assistants=v2",
        }),
      )
      const { headers, response } = yield* provider.next
      assert.notInclude(JSON.stringify(headers), key)
      assert.deepStrictEqual(
        [headers.cookie, headers["openai-organization"], headers["openai-beta"]],
        [undefined, undefined, "assistants=v2"],
      )
      response.writeHead(200, { "content-type": "application/json" }).end("{}")
      yield* Fiber.join(asking)
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
