import { assert, describe, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import * as Setting from "@signalbox/core/Setting"
import { Context, Effect, Fiber, Layer, Queue, Schema, Stream } from "effect"
import { BuildControl, build, kernel, logged, type Part, put, settle } from "./ServiceGraph.fixtures.ts"

const Provider = Schema.Struct({ url: Schema.String })
class Providers extends Setting.Service<Providers>()("Providers", Schema.Record(Schema.String, Provider)) {}
class Aliases extends Setting.Service<Aliases>()("Aliases", Schema.Record(Schema.String, Schema.String)) {}
class Proxy extends Setting.Service<Proxy>()("Proxy", Schema.String) {}
class Retention extends Setting.Service<Retention>()("Retention", Schema.Struct({ days: Schema.Int })) {}

class Client extends Context.Service<Client, Part>()("Client") {}
class Clients extends Context.Service<Clients, ReadonlyMap<string, Part>>()("Clients") {}
class Router extends Context.Service<
  Router,
  { readonly resolve: (alias: string) => { readonly alias: string; readonly client: Part | undefined } }
>()("Router") {
  static readonly layer = Layer.effect(
    Router,
    Effect.gen(function* () {
      const clients = yield* Clients
      const aliases = yield* Aliases.get
      return { resolve: (alias) => ({ alias: aliases[alias] ?? "", client: clients.get("one") }) }
    }),
  )
}
class Services extends ServiceGraph.Service<Services>()("Services", {
  nodes: [
    ServiceGraph.each(Clients, {
      over: Providers,
      member: Client,
      needs: [Proxy],
      layer: ({ url }, key) =>
        Layer.effect(
          Client,
          Effect.flatMap(Proxy.get, (proxy) => build(`${key} at ${url}${proxy}`)),
        ),
    }),
    ServiceGraph.node(Router, { needs: [Clients, Aliases], layer: Router.layer }),
  ],
}) {}

const initial = { one: { url: "1" }, two: { url: "2" }, three: { url: "3" } }
const live = Services.layer.pipe(
  Layer.provideMerge(
    Layer.mergeAll(
      Setting.layerFrom(Providers, initial),
      Setting.layerFrom(Aliases, { fast: "v0" }),
      Setting.layerFrom(Proxy, ""),
      Setting.layerFrom(Retention, { days: 0 }),
    ),
  ),
  Layer.provideMerge(Layer.merge(kernel, BuildControl.layer)),
)
const clients = Services.provide(Effect.map(Clients, (clients) => Object.fromEntries(clients)))

describe("each", () => {
  it.effect("rebuilds one member and what needs the collection when the value of its key changes", () =>
    Effect.gen(function* () {
      const before = yield* clients
      yield* logged
      assert.deepStrictEqual(yield* put([Providers, { ...initial, two: { url: "2b" } }]), ["Clients/two", "Router"])
      yield* settle
      const after = yield* clients
      assert.deepStrictEqual(yield* logged, ["build two at 2b", "close two at 2"])
      assert.strictEqual(after["one"], before["one"])
      assert.strictEqual(after["three"], before["three"])
      assert.notStrictEqual(after["two"], before["two"])
    }).pipe(Effect.provide(live)),
  )

  it.effect("adds and removes members with their keys", () =>
    Effect.gen(function* () {
      yield* logged
      const { three, two } = initial
      assert.deepStrictEqual(yield* put([Providers, { three, two }]), ["Router"])
      assert.deepStrictEqual(yield* put([Providers, { three, two, four: { url: "4" } }]), ["Clients/four", "Router"])
      assert.deepStrictEqual(yield* put([Providers, {}]), ["Router"])
      yield* settle
      assert.deepStrictEqual(Object.keys(yield* clients), [])
      assert.deepStrictEqual((yield* logged).toSorted(), [
        "build four at 4",
        "close four at 4",
        "close one at 1",
        "close three at 3",
        "close two at 2",
      ])
      const names = (yield* Services.status).services.map(({ name }) => name)
      assert.deepStrictEqual(names, ["Clients", "Router"])
    }).pipe(Effect.provide(live)),
  )

  it.effect("changes nothing for another order of the keys or for an equal record", () =>
    Effect.gen(function* () {
      const { one, three, two } = initial
      const before = yield* Services.provide(Clients)
      assert.deepStrictEqual(yield* put([Providers, { three, two, one }]), [])
      assert.strictEqual(yield* Services.provide(Clients), before)
    }).pipe(Effect.provide(live)),
  )

  it.effect("rebuilds all members when a common need changes", () =>
    Effect.gen(function* () {
      const rebuilt = yield* put([Proxy, " via proxy"])
      assert.deepStrictEqual(rebuilt, ["Clients/one", "Clients/two", "Clients/three", "Router"])
    }).pipe(Effect.provide(live)),
  )

  it.effect("members that fail refuse the change by their names, and the others' new instances are let go", () =>
    Effect.gen(function* () {
      const control = yield* BuildControl
      control.refuse.set("two at x", "no two")
      control.refuse.set("three at x", "no three")
      yield* logged
      const url = { url: "x" }
      const failed = yield* Effect.flip(put([Providers, { one: url, two: url, three: url }]))
      assert.deepStrictEqual(failed.failures, [
        { node: "Clients/two", message: "no two" },
        { node: "Clients/three", message: "no three" },
      ])
      assert.deepStrictEqual((yield* logged).filter((line) => line.startsWith("close")).toSorted(), [
        "close one at x",
        "close three at x",
        "close two at x",
      ])
      assert.strictEqual((yield* clients)["one"]?.name, "one at 1")
    }).pipe(Effect.provide(live)),
  )

  it.effect("names members in events and status, and never reports the collection as rebuilt", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const events = yield* bus.subscribe({ types: ["service.rebuilt", "service.released"] })
      yield* put([Providers, { ...initial, two: { url: "2b" } }])
      const seen = yield* Stream.runCollect(Stream.take(events, 4))
      assert.deepStrictEqual(
        seen.map((item) =>
          item._tag === "Envelope" && "service" in item.event ? `${item.event._tag} ${item.event.service}` : "",
        ),
        [
          "service.rebuilt Clients/two",
          "service.rebuilt Router",
          "service.released Router",
          "service.released Clients/two",
        ],
      )
      assert.deepStrictEqual(
        (yield* Services.status).services.map(({ name, needs }) => [name, ...needs]),
        [
          ["Clients/one", "Proxy"],
          ["Clients/two", "Proxy"],
          ["Clients/three", "Proxy"],
          ["Clients", "Providers", "Proxy"],
          ["Router", "Clients", "Aliases"],
        ],
      )
    }).pipe(Effect.scoped, Effect.provide(live)),
  )
})

describe("50 changes of aliases, one provider of three, and retention, under streams of 200 chunks", () => {
  it.effect("shows each stream one generation, never rebuilds the other providers, and releases everything old", () =>
    Effect.gen(function* () {
      const control = yield* BuildControl
      const engine = (yield* Services)["~signalbox/ServiceGraph"]
      const observed: Array<{ readonly chunks: number; readonly kinds: number; readonly open: boolean }> = []

      const openStream = Effect.gen(function* () {
        const ticks = yield* Queue.unbounded<void>()
        const body = Stream.take(Stream.fromQueue(ticks), 200).pipe(
          Stream.mapEffect(() =>
            Effect.gen(function* () {
              const { alias, client } = (yield* Router).resolve("fast")
              const { one } = yield* Providers.get
              const { days } = yield* Retention.get
              const seen = [alias, (yield* Aliases.get)["fast"], client?.name, one?.url, days].join()
              return { seen, open: [...(yield* Clients).values()].every((part) => part.isOpen()) }
            }),
          ),
        )
        const reader = yield* ServiceGraph.provideStream(Services, body).pipe(
          Stream.runCollect,
          Effect.map((chunks) =>
            observed.push({
              chunks: chunks.length,
              kinds: new Set(chunks.map(({ seen }) => seen)).size,
              open: chunks.every(({ open }) => open),
            }),
          ),
          Effect.forkChild,
        )
        yield* settle
        return {
          tick: (count: number) =>
            Queue.offerAll(
              ticks,
              Array.from({ length: count }, () => undefined),
            ),
          reader,
        }
      })

      const readers: Array<Fiber.Fiber<unknown>> = []
      let open: Array<{ readonly tick: (count: number) => Effect.Effect<unknown>; left: number }> = []
      for (let change = 1; change <= 50; change++) {
        const { reader, tick } = yield* openStream
        readers.push(reader)
        open.push({ tick, left: 200 })
        yield* put(
          [Aliases, { fast: `v${change}` }],
          [Providers, { ...initial, one: { url: `1-${change}` } }],
          [Retention, { days: change }],
        )
        // Each stream spans ten changes: more than 16 would be more generations than may live.
        for (const stream of open) {
          yield* stream.tick(20)
          stream.left -= 20
        }
        open = open.filter(({ left }) => left > 0)
        yield* settle
      }
      for (const stream of open) yield* stream.tick(stream.left)
      yield* Fiber.joinAll(readers)
      yield* settle

      assert.strictEqual(observed.length, 50)
      assert.isTrue(observed.every(({ chunks, kinds, open }) => chunks === 200 && kinds === 1 && open))
      const builds = control.log.filter((line) => line.startsWith("build"))
      assert.deepStrictEqual(builds.filter((line) => !line.startsWith("build one")).toSorted(), [
        "build three at 3",
        "build two at 2",
      ])
      assert.strictEqual(builds.length, 3 + 50)
      const closed = control.log.filter((line) => line.startsWith("close"))
      assert.strictEqual(closed.length, 50)
      assert.isTrue(closed.every((line) => line.startsWith("close one")))
      const { generations } = yield* Services.status
      assert.strictEqual(generations.length, 1)
      assert.strictEqual(generations[0]?.pins, 0)
      // Three clients, their collection, the router.
      assert.strictEqual(yield* engine.size, 5)
    }).pipe(Effect.provide(live)),
  )
})
