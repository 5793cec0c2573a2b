/** A whole host over a document: the view of a request while the configuration changes. */
import { assert, describe, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import * as MemoryConfigSource from "@signalbox/core/MemoryConfigSource"
import { MemoryDocument } from "@signalbox/core/MemoryConfigSource"
import { Reconciler } from "@signalbox/core/Reconciler"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import { Context, Deferred, Effect, Fiber, Layer, type Scope } from "effect"
import { AppConfig as Host, place, RetentionPolicy, running, until } from "./ConfigStoreHost.ts"
import { LlmClients, pinned, Router, Services } from "./types/app.ts"
import { AppConfig, app, inMemory } from "./types/ConfigStoreApp.ts"

const base = Layer.provideMerge(Reconciler.layer, EventBus.layer)

describe("a host", () => {
  it.effect("shows a request one configuration from its start to its end, through services and the store", () =>
    Effect.gen(function* () {
      const store = yield* AppConfig
      const [started, gate] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const look = Effect.gen(function* () {
        const router = yield* Router
        return [
          router.resolve("fast"),
          (yield* store.snapshot).revision,
          yield* AppConfig.get(({ models }) => models["fast"]),
        ]
      })
      const request = yield* Effect.gen(function* () {
        const before = yield* look
        yield* Deferred.succeed(started, undefined)
        yield* Deferred.await(gate)
        return [before, yield* look]
      }).pipe(Services.provide, Effect.forkChild)
      yield* Deferred.await(started)
      yield* store.update([{ path: "/models/fast", value: "n" }])
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(yield* Fiber.join(request), [
        ["m@a", 1, "m"],
        ["m@a", 1, "m"],
      ])
      assert.deepStrictEqual(yield* Services.provide(look), ["n@a", 2, "n"])
    }).pipe(Effect.provide(Layer.provide(inMemory, base))),
  )

  it.effect("keeps the services that a change does not touch", () =>
    Effect.gen(function* () {
      const store = yield* AppConfig
      const clients = yield* Services.provide(LlmClients)
      yield* store.update([{ path: "/models/fast", value: "n" }])
      assert.strictEqual(yield* Services.provide(LlmClients), clients)
      yield* store.update([{ path: "/providers/local/url", value: "b" }])
      assert.strictEqual(yield* pinned, "n@b")
    }).pipe(Effect.provide(Layer.provide(inMemory, base))),
  )

  it.effect("keeps everything when a service refuses a change, and names the service", () =>
    Effect.gen(function* () {
      const store = yield* AppConfig
      const plan = yield* store.plan([{ path: "/providers/local", remove: true }])
      assert.deepStrictEqual(
        plan.problems.map(({ by }) => by),
        ["app/LlmClients"],
      )
      const error = yield* Effect.flip(store.update([{ path: "/providers/local", remove: true }]))
      assert.include(error.message, "app/LlmClients: no provider")
      assert.strictEqual(yield* pinned, "m@a")
      assert.strictEqual((yield* store.snapshot).revision, 1)
      assert.deepStrictEqual((yield* store.plan([{ path: "/models/fast", value: "x" }])).rebuilt, ["app/Router"])
    }).pipe(Effect.provide(Layer.provide(inMemory, base))),
  )

  it.effect(
    "dies with advice when a layer writes the configuration during a change, and writes it when the layer forks the write",
    () =>
      Effect.gen(function* () {
        class Writer extends Context.Service<Writer, {}>()("test/Writer") {}
        const graphOf = (write: (write: Effect.Effect<unknown>) => Effect.Effect<unknown, never, Scope.Scope>) => {
          const layer = Layer.effect(
            Writer,
            Effect.gen(function* () {
              const { days } = yield* RetentionPolicy.get
              const store = yield* Host
              if (days === 2) yield* write(Effect.orDie(store.update([{ path: "/port", value: 4322 }])))
              return {}
            }),
          )
          return class Graph extends ServiceGraph.Service<Graph>()("test/Graph", {
            nodes: [ServiceGraph.node(Writer, { needs: [RetentionPolicy, Host], layer })],
          }) {}
        }
        const changed = Effect.flatMap(Host, (store) => store.update([{ path: "/retention", value: { days: 2 } }]))
        const Waiting = graphOf((write) => write)
        const refused = yield* Effect.flip(running(Effect.provide(changed, Waiting.layer)))
        assert.include(refused.message, "fork it in the layer's Scope")
        const Forking = graphOf(Effect.forkScoped)
        const ports = Effect.map(Host, (store) => Effect.map(store.snapshot, ({ config }) => config.port === 4322))
        yield* running(Effect.provide(Effect.andThen(changed, Effect.flatMap(ports, until)), Forking.layer))
      }).pipe(Effect.provide(place)),
  )

  it.effect("starts from a document", () =>
    Effect.gen(function* () {
      const text = { providers: { p: { url: "u" } }, models: { fast: "f" }, retention: { days: 1 } }
      yield* (yield* MemoryDocument).save(JSON.stringify(text))
      assert.strictEqual(yield* Effect.provide(pinned, Layer.provide(app, base)), "f@u")
    }).pipe(Effect.provide(MemoryConfigSource.layer)),
  )
})
