import { assert, it } from "@effect/vitest"
import { formatCursor } from "@signalbox/core/Event"
import { EventBus, EventCapacity } from "@signalbox/core/EventBus"
import { ModelAdded, ModelRemoved } from "@signalbox/core/ModelEvents"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { ask, host } from "./AdminHost.ts"
import { type Follower, follow } from "./EventFeedClient.ts"

const model = { provider: "p", upstream: "u".repeat(200), enabled: true }
const bursts = 300
const perBurst = 100
const published = bursts * perBurst

const publish = (from: number, count: number) =>
  Effect.flatMap(EventBus, (bus) =>
    bus.publishAll(Array.from({ length: count }, (_, n) => new ModelAdded({ alias: `m${from + n}`, ...model }))),
  )

/** About 18 MB: more than the kernel buffers for an unread connection. */
const flood = Effect.gen(function* () {
  const bus = yield* EventBus
  for (let burst = 0; burst < bursts; burst++) {
    yield* publish(burst * perBurst, perBurst)
    yield* Effect.yieldNow
  }
  yield* bus.publish(new ModelRemoved({ alias: "last", ...model }))
})

const last = `"alias":"last"`

/** Counts the events of a stream and the ones that its gaps report, and checks their order. */
const countEvents = (text: string) => {
  let next = 0
  let missing = 0
  for (const block of text.split("\n\n")) {
    const data = /^data: (.*)$/m.exec(block)?.[1]
    if (data === undefined) continue
    const item = JSON.parse(data)
    if (item.reason !== undefined) {
      missing += item.missing
      next += item.missing
    } else if (item.type === "model.added") {
      assert.strictEqual(item.data.alias, `m${next}`)
      next++
    }
  }
  return { seen: next - missing, missing }
}

it.live(
  "delivers everything to clients that read while others do not, and the kept history with a gap to the others later",
  () =>
    Effect.gen(function* () {
      const many = <A, E, R>(count: number, one: Effect.Effect<A, E, R>) =>
        Effect.all(
          Array.from({ length: count }, () => one),
          { concurrency: 20 },
        )
      const filtered = yield* many(187, follow("?types=model.removed"))
      const readers = yield* many(2, follow())
      const sleepers = yield* many(4, follow("", { paused: true }))
      yield* flood
      for (const follower of filtered) {
        const events = yield* follower.events(1)
        assert.deepStrictEqual(events[0]?.data.data.alias, "last")
      }
      for (const follower of readers) {
        assert.deepStrictEqual(countEvents(yield* follower.untilString(last)), { seen: published, missing: 0 })
      }
      for (const follower of sleepers) {
        const { missing, seen } = countEvents(yield* follower.untilString(last))
        assert.isAbove(missing, 0)
        assert.strictEqual(missing + seen, published)
      }
    }).pipe(Effect.scoped, Effect.provide(host)),
)

it.live("loses no live event for a client that reads its history slowly", () =>
  Effect.gen(function* () {
    const { cursor } = yield* EventBus
    const start = formatCursor(yield* cursor)
    yield* flood
    const sleeper = yield* follow(`?after=${start}`, { paused: true })
    // A live client keeps the channel moving.
    const live = yield* follow()
    yield* publish(published, perBurst)
    yield* (yield* EventBus).publish(new ModelRemoved({ alias: "the-very-last", ...model }))
    yield* live.untilString("the-very-last")
    assert.deepStrictEqual(countEvents(yield* sleeper.untilString("the-very-last")), {
      seen: published + perBurst,
      missing: 0,
    })
  }).pipe(Effect.scoped, Effect.provide(host), Effect.provideService(EventCapacity, 2 * published)),
)

it.effect("sends a comment every 15 seconds", () =>
  Effect.gen(function* () {
    const { until } = yield* follow()
    yield* until((text) => text.startsWith("id: "))
    for (const count of [1, 2]) {
      yield* TestClock.adjust("15 seconds")
      yield* until((text) => text.split("\n").filter((line) => line === ":").length === count)
    }
  }).pipe(Effect.scoped, Effect.provide(host)),
)

it.effect("disconnects a client that has not read for a minute, and no other", () =>
  Effect.gen(function* () {
    const sleeper = yield* follow("", { paused: true })
    const reader = yield* follow()
    yield* flood
    yield* reader.untilString(last)
    yield* TestClock.adjust("75 seconds")
    yield* closed(sleeper)
    const heartbeats = (text: string) => text.split("\n").filter((line) => line === ":").length
    yield* reader.until((text) => heartbeats(text) >= 5)
    assert.strictEqual((yield* ask("/healthz")).status, 200)
  }).pipe(Effect.scoped, Effect.provide(host)),
)

const closed = ({ ended, response }: Follower) =>
  Effect.andThen(
    ended,
    Effect.sync(() => assert.isFalse(response.complete)),
  )
