import { assert, describe, it } from "@effect/vitest"
import * as Event from "@signalbox/core/Event"
import { EventBus, EventCapacity } from "@signalbox/core/EventBus"
import { ModelAdded, ModelRemoved } from "@signalbox/core/ModelEvents"
import { StatsLedger } from "@signalbox/core/StatsLedger"
import { MaxStreams } from "@signalbox/server/EventFeed"
import { Effect, Fiber, Latch, Layer, Logger, Ref, Stream } from "effect"
import { EventSource } from "eventsource"
import { Stopping } from "../src/internal/Stopping.ts"
import { AdminHost, ask, client, host, token } from "./AdminHost.ts"
import { follow } from "./EventFeedClient.ts"

class Foreign extends Event.Class<Foreign>()("plugin.moved", {}) {}
const added = (alias: string) => new ModelAdded({ alias, provider: "p", upstream: "u", enabled: true })
const removed = (alias: string) => new ModelRemoved({ alias, provider: "p", upstream: "u", enabled: true })
const publish = (...aliases: ReadonlyArray<string>) =>
  Effect.flatMap(EventBus, (bus) => bus.publishAll(aliases.map(added)))
const numbered = (from: number, count: number) => Array.from({ length: count }, (_, index) => `m${from + index}`)
const aliases = (events: ReadonlyArray<{ readonly data: any }>) => events.map(({ data }) => data.data?.alias)
const cursor = Effect.map(
  Effect.flatMap(EventBus, (bus) => bus.cursor),
  Event.formatCursor,
)

describe("the event feed", () => {
  it.live("sends each event as a CloudEvent with its type as event name and its cursor as id", () =>
    Effect.gen(function* () {
      const { response, events } = yield* follow()
      assert.deepInclude(response.headers, {
        "content-type": "text/event-stream",
        "cache-control": "no-cache, no-transform",
        "x-accel-buffering": "no",
      })
      yield* publish("fast")
      const [event] = yield* events(1)
      assert.strictEqual(event?.event, "model.added")
      assert.strictEqual(event?.id, yield* cursor)
      assert.deepInclude(event?.data, { specversion: "1.0", id: event?.id, type: "model.added", revision: 1 })
      assert.deepStrictEqual(event?.data.data, { alias: "fast", provider: "p", upstream: "u", enabled: true })
    }).pipe(Effect.scoped, Effect.provide(host)),
  )

  it.live("begins with a cursor to resume from, and with a reconnection time for browsers", () =>
    Effect.gen(function* () {
      yield* publish("before")
      const here = yield* cursor
      const plain = yield* follow()
      assert.strictEqual(yield* plain.until((text) => text.includes("\n\n")), `id: ${here}\n\n`)
      const browser = yield* follow("", { headers: { accept: "text/event-stream" } })
      assert.strictEqual(yield* browser.until((text) => /id: .*\n\n$/.test(text)), `retry: 2000\n\nid: ${here}\n\n`)
      // The cursor is valid before any event of the stream.
      yield* publish("after")
      const again = yield* follow("", { headers: { "last-event-id": here } })
      assert.deepStrictEqual(aliases(yield* again.events(1)), ["after"])
    }).pipe(Effect.scoped, Effect.provide(host)),
  )

  it.live("sends only the requested types and refuses unknown ones", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const { events } = yield* follow("?types=model.removed,config.changed")
      yield* bus.publishAll([added("a"), removed("b"), added("c")])
      yield* bus.publish(removed("d"))
      assert.deepStrictEqual(aliases(yield* events(2)), ["b", "d"])
      const unknown = yield* ask("/api/events?types=model.addded")
      assert.strictEqual(unknown.status, 400)
      assert.include(unknown.json.detail, `did you mean "model.added"`)
      assert.strictEqual((yield* ask("/api/events?types=,")).status, 400)
    }).pipe(Effect.scoped, Effect.provide(host)),
  )

  it.live("omits event types that the contract does not have and logs each once", () => {
    const logged: Array<unknown> = []
    const logger = Logger.layer([Logger.make(({ message }) => void logged.push(message))])
    return Effect.gen(function* () {
      const { publish } = yield* EventBus
      const { events } = yield* follow()
      for (const event of [new Foreign({}), added("a"), new Foreign({}), added("b")]) yield* publish(event)
      assert.deepStrictEqual(aliases(yield* events(2)), ["a", "b"])
      assert.lengthOf(
        logged.filter((message) => String(message).includes("plugin.moved")),
        1,
      )
    }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(host, logger)))
  })

  it.live("joins history and live events without a hole or a repeat while events are published", () =>
    Effect.gen(function* () {
      const start = yield* cursor
      const live = yield* follow()
      yield* publish(...numbered(0, 150))
      const publishing = yield* Effect.forkChild(
        Effect.forEach(numbered(150, 300), (alias) => Effect.andThen(publish(alias), Effect.yieldNow)),
      )
      const late = yield* Effect.forEach(numbered(0, 20), () => follow(`?after=${start}`), { concurrency: 5 })
      yield* Fiber.join(publishing)
      for (const follower of [live, ...late]) {
        assert.deepStrictEqual(aliases(yield* follower.events(450)), numbered(0, 450))
      }
    }).pipe(Effect.scoped, Effect.provide(host)),
  )

  it.live("resumes after Last-Event-ID, which takes precedence over `after`, also for ephemeral events", () =>
    Effect.gen(function* () {
      const start = yield* cursor
      const first = yield* follow()
      yield* publish("a")
      const ledger = yield* StatsLedger
      for (const model of ["x", "y"]) yield* ledger.record({ provider: "p", model, upstream: "u" })
      const seen = yield* first.events(3)
      assert.deepStrictEqual(
        seen.map(({ event }) => event),
        ["model.added", "stats.recorded", "stats.recorded"],
      )
      first.response.destroy()
      yield* publish("b")
      const again = yield* follow(`?after=${start}`, { headers: { "last-event-id": seen[1]!.id } })
      yield* publish("c")
      const rest = yield* again.events(3)
      assert.deepStrictEqual(rest[0], seen[2])
      assert.deepStrictEqual(aliases(rest.slice(1)), ["b", "c"])
    }).pipe(Effect.scoped, Effect.provide(host)),
  )

  it.live("sends a gap for pruned events and for a cursor of another epoch", () =>
    Effect.gen(function* () {
      const start = yield* cursor
      yield* publish(...numbered(0, 20))
      const end = yield* cursor
      const late = yield* (yield* follow(`?after=${start}`)).events(9)
      assert.strictEqual(late[0]?.event, "gap")
      assert.deepInclude(late[0]?.data, { reason: "pruned", missing: 12, to: late[0]?.id })
      assert.deepStrictEqual(aliases(late.slice(1)), numbered(12, 8))
      const [gap] = yield* (yield* follow("?after=elsewhere:3")).events(1)
      assert.deepInclude(gap?.data, { reason: "other-epoch", from: "elsewhere:3" })
      // A cursor that the bus has not reached counts as foreign.
      const [sequence] = end.split(":").slice(1)
      const future = yield* follow(`?after=${end.replace(`:${sequence}`, ":999")}`)
      assert.deepInclude((yield* future.events(9))[0]?.data, { reason: "other-epoch" })
      yield* publish("z")
      assert.strictEqual(aliases(yield* future.events(10)).at(-1), "z")
    }).pipe(Effect.scoped, Effect.provide(host), Effect.provideService(EventCapacity, 8)),
  )

  it.live("refuses an invalid cursor, and a stream above the maximum", () =>
    Effect.gen(function* () {
      for (const path of ["/api/events?after=nonsense", "/api/events?after="]) {
        const bad = yield* ask(path)
        assert.deepStrictEqual([bad.status, bad.json.type], [400, "urn:signalbox:problem:invalid"])
      }
      const first = yield* follow()
      yield* follow()
      const full = yield* ask("/api/events")
      assert.deepStrictEqual([full.status, full.json.type], [503, "urn:signalbox:problem:too-many-streams"])
      assert.isDefined(full.headers["retry-after"])
      const head = yield* ask("/api/events", { method: "HEAD" })
      assert.deepStrictEqual([head.status, head.headers["content-type"]], [200, "text/event-stream"])
      first.response.destroy()
      yield* Effect.repeat(follow(), { until: ({ response }) => response.statusCode === 200 })
    }).pipe(Effect.scoped, Effect.provide(host), Effect.provideService(MaxStreams, 2)),
  )

  it.live("ends when the host stops, after all published events, whether or not the client reads", () =>
    Effect.gen(function* () {
      const stopping = yield* Latch.make(false)
      yield* Effect.gen(function* () {
        const reading = yield* follow()
        yield* follow("", { paused: true })
        yield* publish("last")
        yield* stopping.open
        const text = yield* reading.ended
        assert.include(text, `"alias":"last"`)
        assert.strictEqual((yield* ask("/api/events")).status, 503)
      }).pipe(Effect.provide(host), Effect.provideService(Stopping, stopping.await))
    }).pipe(Effect.scoped),
  )
})

describe("clients of the event feed", () => {
  it.live("decode events with the typed client", () =>
    Effect.gen(function* () {
      const admin = yield* client
      const start = yield* cursor
      yield* publish("a", "b")
      const stream = yield* admin.events.follow({ query: { after: start }, headers: {} })
      const items = yield* Stream.runCollect(Stream.take(stream, 2))
      assert.deepStrictEqual(
        items.map(({ data, event }) => [event, "data" in data && data.data["alias"]]),
        [
          ["model.added", "a"],
          ["model.added", "b"],
        ],
      )
    }).pipe(Effect.scoped, Effect.provide(host)),
  )

  it.live("resume by themselves with an EventSource", () =>
    Effect.gen(function* () {
      const { url } = yield* AdminHost
      const seen = yield* Ref.make<ReadonlyArray<string>>([])
      const cuts: Array<() => void> = []
      const opened = yield* Latch.make(false)
      const source = yield* Effect.acquireRelease(
        Effect.sync(
          () =>
            new EventSource(`${url}/api/events?types=model.added`, {
              fetch: async (input, init) => {
                const headers = { ...init.headers, authorization: `Bearer ${token}` }
                const response = await fetch(input, { ...init, headers })
                const through = new TransformStream<Uint8Array, Uint8Array>({
                  start: (controller) => void cuts.push(() => controller.terminate()),
                })
                response.body?.pipeTo(through.writable).catch(() => {})
                return new Response(through.readable, response)
              },
            }),
        ),
        (source) => Effect.sync(() => source.close()),
      )
      source.addEventListener("open", () => opened.openUnsafe())
      source.addEventListener("model.added", ({ data }) => {
        Effect.runSync(Ref.update(seen, (all) => [...all, JSON.parse(data).data.alias]))
      })
      yield* opened.await
      yield* publish("a")
      yield* Effect.repeat(Effect.andThen(Effect.yieldNow, Ref.get(seen)), { until: (all) => all.length === 1 })
      cuts[0]?.()
      yield* publish("b")
      yield* Effect.repeat(Effect.andThen(Effect.yieldNow, Ref.get(seen)), { until: (all) => all.length === 2 })
      assert.deepStrictEqual(yield* Ref.get(seen), ["a", "b"])
      assert.lengthOf(cuts, 2)
    }).pipe(Effect.scoped, Effect.provide(host)),
  )
})
