import { type ClientRequest, request } from "node:http"
import { assert, it } from "@effect/vitest"
import { Credentials } from "@signalbox/core/Credentials"
import { Effect } from "effect"
import { addKey, ask, baseUrl, gateway, TestClockOffset } from "./GatewayHost.ts"

const body = JSON.stringify(ask("hello"))

/** A request whose headers the gateway has accepted with 100 Continue. */
const opened = (key: string) =>
  Effect.flatMap(baseUrl, (base) =>
    Effect.callback<ClientRequest>((resume) => {
      const headers = { authorization: `Bearer ${key}`, expect: "100-continue", "content-length": body.length }
      const sent = request(`${base}/chat/completions`, { method: "POST", agent: false, headers })
      sent.once("continue", () => resume(Effect.succeed(sent)))
      sent.flushHeaders()
    }),
  )

const finish = (sent: ClientRequest) =>
  Effect.callback<number | undefined>((resume) => {
    sent.once("response", (response) => {
      response.resume()
      response.once("end", () => resume(Effect.succeed(response.statusCode)))
    })
    sent.end(body)
  })

it.live("refuses a request whose key is revoked before its body arrives, and accepts others", () => {
  const clock = new TestClockOffset()
  return Effect.gen(function* () {
    const credentials = yield* Credentials
    const [alice, bob] = [yield* addKey("alice"), yield* addKey("bob")]
    const [ofAlice, ofBob] = [yield* opened(alice), yield* opened(bob)]
    yield* credentials.revoke("alice")
    clock.millis += 1_000
    assert.strictEqual(yield* finish(ofAlice), 401)
    assert.strictEqual(yield* finish(ofBob), 200)
  }).pipe(
    Effect.provide(
      gateway(
        {
          providers: { echo: { kind: "echo" } },
          models: { fast: { provider: "echo", upstream: "echo-1" } },
          require_keys: true,
        },
        { clock },
      ),
    ),
    Effect.scoped,
  )
})
