import { assert, describe, it } from "@effect/vitest"
import { Providers } from "@signalbox/core/Providers"
import { Effect, Fiber, Layer, Logger, Scheduler } from "effect"
import { TestClock } from "effect/testing"
import { edit, eventsOf, host, parts, resolve } from "./ModelHost.ts"

const failed = (provider: string, reason = "it broke") =>
  Effect.flatMap(Providers, (providers) => providers.failed(provider, reason))
const recovered = (provider: string) => Effect.flatMap(Providers, (providers) => providers.recovered(provider))
const outages = Effect.map(
  Effect.flatMap(Providers, (providers) => providers.outages),
  (outages) => outages.map(({ provider }) => provider),
)
// The events follow those of the commit by a turn or two.
const turns = Effect.forEach(Array.from({ length: 10 }), () => Effect.yieldNow, { discard: true })

describe("provider events", () => {
  const openai = { kind: "openai", api_key: "sk-secret-1" } as const
  const providers = { a: openai, b: { kind: "echo" }, c: openai } as const

  it.effect("publishes changed fields of providers after the event of the edit, without their values", () =>
    Effect.gen(function* () {
      const events = yield* eventsOf(
        edit({
          providers: {
            a: { kind: "openai", api_key: "sk-secret-2", base_url: "http://localhost:1/v1" },
            c: { kind: "anthropic", api_key: "sk-secret-1" },
            d: { kind: "echo" },
          },
        }),
      )
      assert.deepStrictEqual(events, [
        ["test.edited", {}],
        ["provider.removed", { provider: "b" }],
        ["provider.changed", { provider: "a", kind: "openai", changed: ["base_url", "api_key"] }],
        ["provider.changed", { provider: "c", kind: "anthropic", changed: ["kind", "base_url"] }],
        ["provider.added", { provider: "d", kind: "echo" }],
      ])
    }).pipe(Effect.provide(host({ providers }))),
  )

  it.effect("publishes nothing for a provider that is rewritten without a change", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* eventsOf(edit({ providers: structuredClone(providers) })), [["test.edited", {}]])
    }).pipe(Effect.provide(host({ providers }))),
  )
})

describe("outages", () => {
  it.effect("publishes an outage once, with its time and reason, until the provider recovers", () =>
    Effect.gen(function* () {
      const providers = yield* Providers
      yield* TestClock.setTime(5_000)
      const events = yield* eventsOf(
        Effect.gen(function* () {
          yield* recovered("p")
          yield* failed("p", "timeout")
          yield* failed("p", "again")
          assert.deepStrictEqual(providers.outage("p"), { provider: "p", reason: "timeout", since: 5_000 })
          assert.isUndefined(providers.outage("q"))
          yield* recovered("p")
          yield* recovered("p")
          yield* failed("p", "another")
        }),
      )
      assert.deepStrictEqual(events, [
        ["provider.failed", { provider: "p", reason: "timeout" }],
        ["provider.recovered", { provider: "p" }],
        ["provider.failed", { provider: "p", reason: "another" }],
      ])
    }).pipe(Effect.provide(parts())),
  )

  it.effect("ends an outage when the settings of that provider change", () =>
    Effect.gen(function* () {
      yield* failed("a")
      yield* failed("plugin")
      const other = yield* eventsOf(
        Effect.andThen(edit({ providers: { a: { kind: "echo" }, b: { kind: "openai" } } }), turns),
      )
      // The fixture decodes `a` again, so its value is equal but not identical.
      assert.deepStrictEqual(other.at(-1), ["provider.recovered", { provider: "a" }])
      yield* failed("a")
      const removed = yield* eventsOf(Effect.andThen(edit({ providers: {} }), turns))
      assert.deepStrictEqual(removed, [
        ["test.edited", {}],
        ["provider.removed", { provider: "a" }],
        ["provider.removed", { provider: "b" }],
        ["provider.recovered", { provider: "a" }],
      ])
      assert.deepStrictEqual(yield* outages, ["plugin"])
    }).pipe(Effect.provide(parts({ providers: { a: { kind: "echo" } } }))),
  )

  it.effect("drops the oldest of more than 1,000 outages and logs it", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => {
      lines.push(String(message))
    })
    return Effect.gen(function* () {
      for (let index = 0; index < 1_000; index++) yield* failed(`p${index}`)
      const events = yield* eventsOf(failed("one more"))
      assert.deepStrictEqual(events, [
        ["provider.recovered", { provider: "p0" }],
        ["provider.failed", { provider: "one more", reason: "it broke" }],
      ])
      const down = yield* outages
      assert.strictEqual(down.length, 1_000)
      assert.strictEqual(down[0], "p1")
      assert.match(lines.join("\n"), /1000 providers are down/)
    }).pipe(Effect.provide(Layer.merge(parts(), Logger.layer([logger]))))
  })

  it.effect("keeps state and last event in agreement under concurrent calls, wherever fibers yield", () =>
    Effect.gen(function* () {
      // With fewer than 3 operations a fiber only yields.
      for (let operations = 3; operations <= 40; operations++) {
        const run = (first: Effect.Effect<void, never, Providers>, second: Effect.Effect<void, never, Providers>) =>
          Effect.andThen(first, second).pipe(
            Effect.provideService(Scheduler.MaxOpsBeforeYield, operations),
            Effect.forkChild,
          )
        const events = yield* eventsOf(
          Effect.gen(function* () {
            const one = yield* run(failed("p"), recovered("p"))
            const two = yield* run(recovered("p"), failed("p"))
            yield* Fiber.joinAll([one, two])
          }),
        )
        const down = (yield* outages).includes("p")
        const [last] = events.at(-1) ?? []
        if (last !== undefined) assert.strictEqual(last, down ? "provider.failed" : "provider.recovered")
        for (const [index, [type]] of events.entries()) assert.notStrictEqual(type, events[index + 1]?.[0])
      }
    }).pipe(Effect.provide(parts())),
  )
})

describe("secrets", () => {
  it.effect("conceals current and former keys in events, refusals and outages", () =>
    Effect.gen(function* () {
      const providers = yield* Providers
      const [first, second] = ["sk-first-0123456789", "sk+second/0123456789"]
      yield* edit({ providers: { p: { kind: "openai", api_key: second } } })
      yield* turns
      const events = yield* eventsOf(
        failed("p", `401 for Bearer ${first}, then for ${second} at ?key=${encodeURIComponent(second)}`),
      )
      const refused = yield* Effect.flip(resolve("m"))
      const shown = [events, providers.outage("p"), refused, refused.message, String(refused.stack)]
        .map((value) => (typeof value === "string" ? value : JSON.stringify(value)))
        .join("\n")
      assert.include(shown, "401 for Bearer <redacted>, then for <redacted> at ?key=<redacted>")
      for (const secret of [first, second, encodeURIComponent(second)]) assert.notInclude(shown, secret)
      yield* recovered("p")
      const long = yield* eventsOf(failed("p", "x".repeat(100_000)))
      assert.isBelow(JSON.stringify(long).length, 700)
    }).pipe(
      Effect.provide(
        host({
          models: { m: { upstream: "u", provider: "p" } },
          providers: { p: { kind: "openai", api_key: "sk-first-0123456789" } },
        }),
      ),
    ),
  )

  it.effect("shows neither the caller's key nor the allowed keys in a refusal", () =>
    Effect.gen(function* () {
      const refused = yield* Effect.flip(resolve("m", "sk-caller-pasted-the-secret"))
      const shown = JSON.stringify(refused) + refused.message + String(refused.stack)
      assert.notInclude(shown, "sk-caller")
      assert.notInclude(shown, "id-of-alice")
    }).pipe(Effect.provide(host({ models: { m: { upstream: "u", allowedKeys: ["id-of-alice"] } } }))),
  )
})
