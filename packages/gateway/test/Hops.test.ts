/** A request that a provider sends back to the gateway ends at its second arrival. */
import { assert, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import { StatsRecorded } from "@signalbox/core/StatsEvents"
import { Effect, Stream } from "effect"
import { Hops } from "../src/internal/Gateway/Hops.ts"
import { ask, baseUrl, GatewayConfig, gateway } from "./GatewayHost.ts"
import { errorIn, raw } from "./Raw.ts"

it.live("refuses a request that its own provider sends back, after one hop and without a retry", () =>
  Effect.gen(function* () {
    const store = yield* GatewayConfig
    yield* store.update([{ path: "/providers/main/base_url", value: yield* baseUrl }])
    const recorded = yield* (yield* EventBus).subscribe({ types: [StatsRecorded] })
    const response = yield* raw({ body: JSON.stringify(ask("go")) })
    assert.strictEqual(response.status, 508)
    assert.strictEqual(errorIn(response).code, "request_loop")
    assert.include(errorIn(response).message, "base_url")
    assert.strictEqual(response.headers["x-should-retry"], "false")
    yield* store.update([{ path: "/providers/main/base_url", value: "http://127.0.0.1:1/v1" }])
    yield* raw({ body: JSON.stringify(ask("go")) })
    // One entry for each request of the caller: the loop had one hop.
    const statuses = yield* recorded.pipe(
      Stream.take(2),
      Stream.map((item) => (item._tag === "Gap" ? "gap" : item.event.entry.status)),
      Stream.runCollect,
    )
    assert.deepStrictEqual(statuses, [508, undefined])
  }).pipe(
    Effect.provide(
      gateway({
        providers: { main: { kind: "openai", base_url: "http://127.0.0.1:1/v1", api_key: "sk-of-the-provider" } },
        models: { fast: { provider: "main", upstream: "fast" } },
      }),
    ),
  ),
)

it("finds a loop through other gateways, ends chains that grow, and ignores a header of another form", () => {
  const [first, second] = [new Hops(), new Hops()]
  const sent = (gateway: Hops, headers: Record<string, string>) => {
    const [name, value] = gateway.forwarded(headers)
    return { [name]: value }
  }
  const once = sent(first, {})
  assert.isUndefined(second.refusalOf(once))
  const twice = sent(second, once)
  assert.strictEqual(first.refusalOf(twice)?.status, 508)
  assert.isUndefined(new Hops().refusalOf(twice))

  let headers: Record<string, string> = {}
  let hops = 0
  while (new Hops().refusalOf(headers) === undefined && hops < 100) {
    headers = sent(new Hops(), headers)
    hops++
  }
  assert.strictEqual(hops, 16)

  const foreign = { "x-signalbox-hops": "a,b\u001b[2J" }
  assert.isUndefined(first.refusalOf(foreign))
  assert.deepStrictEqual(sent(first, foreign), once)
})
