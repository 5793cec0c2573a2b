import { assert, describe, it } from "@effect/vitest"
import { ModelRegistrations } from "@signalbox/core/ModelRegistry"
import { Models } from "@signalbox/core/Models"
import { Reconciler } from "@signalbox/core/Reconciler"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import * as Setting from "@signalbox/core/Setting"
import { Context, Effect, Fiber, Layer, Logger, Schema, Stream } from "effect"
import { close, eventsOf, open, parts, register, settled, table } from "./ModelHost.ts"

describe("ModelRegistry in a ServiceGraph", () => {
  class Input extends Setting.Service<Input>()("test/Input", Schema.Int) {}
  const setInput = (value: number) =>
    Effect.flatMap(Reconciler, (reconciler) =>
      reconciler.run((transaction) =>
        Effect.flatMap(transaction.prepare(new Map([[Input.key, value]])), (prepared) => prepared.commit([])),
      ),
    )

  // The client of a provider, as a node that registers models.
  class Client extends Context.Service<Client, { readonly input: number }>()("test/Client") {
    static readonly layer = Layer.effect(
      Client,
      Effect.gen(function* () {
        const input = yield* Input.get
        yield* register("client", { [`m${input}`]: { upstream: `u${input}` }, always: { upstream: "u" } })
        if (input === 13) return yield* Effect.fail("unlucky" as const)
        return Client.of({ input })
      }),
    )
  }
  class WithClient extends ServiceGraph.Service<WithClient>()("test/WithClient", {
    nodes: [ServiceGraph.node(Client, { needs: [Input], layer: Client.layer }), Models.node],
  }) {}
  const withClient = WithClient.layer.pipe(Layer.provideMerge(Setting.layerFrom(Input, 1)), Layer.provideMerge(parts()))

  it.effect("registers models from the layer of a node, and removes them with the node", () =>
    Effect.gen(function* () {
      yield* settled
      assert.deepStrictEqual(yield* table, { m1: "u1@client", always: "u@client" })
      const events = yield* eventsOf(
        Effect.gen(function* () {
          yield* setInput(2)
          yield* settled
          yield* settled
        }),
      )
      assert.deepStrictEqual(events, [
        ["model.removed", { alias: "m1", provider: "client", upstream: "u1", enabled: true }],
        ["model.added", { alias: "m2", provider: "client", upstream: "u2", enabled: true }],
      ])
      const upstream = yield* WithClient.provide(Effect.flatMap(Models, (models) => models.resolve("m2")))
      assert.strictEqual(upstream.upstream, "u2")
    }).pipe(Effect.provide(withClient)),
  )

  it.effect("adds no models of a node that fails to build", () =>
    Effect.gen(function* () {
      yield* settled
      const events = yield* eventsOf(
        Effect.gen(function* () {
          yield* Effect.flip(setInput(13))
          yield* settled
        }),
      )
      assert.deepStrictEqual(events, [])
      assert.deepStrictEqual(yield* table, { m1: "u1@client", always: "u@client" })
      yield* setInput(3)
      yield* settled
      assert.deepStrictEqual(yield* table, { m3: "u3@client", always: "u@client" })
    }).pipe(Effect.provide(withClient)),
  )

  // A service that refuses some tables, such as a host that needs a certain model.
  class Selective extends Context.Service<Selective, { readonly count: number }>()("test/Selective") {
    static readonly layer = Layer.effect(
      Selective,
      Effect.gen(function* () {
        const aliases = (yield* ModelRegistrations.get).flatMap(({ models }) => Object.keys(models))
        const input = yield* Input.get
        if (aliases.includes("poison")) return yield* Effect.fail("cannot serve poison" as const)
        if (input === 1 && !aliases.includes("needed")) return yield* Effect.fail("needed is missing" as const)
        return Selective.of({ count: aliases.length })
      }),
    )
  }
  class WithSelective extends ServiceGraph.Service<WithSelective>()("test/WithSelective", {
    nodes: [ServiceGraph.node(Selective, { needs: [Input, ModelRegistrations], layer: Selective.layer })],
  }) {}
  const withSelective = WithSelective.layer.pipe(
    Layer.provideMerge(Setting.layerFrom(Input, 0)),
    Layer.provideMerge(parts()),
  )

  it.effect("refuses a registration for which a service cannot be built, and names the service", () =>
    Effect.gen(function* () {
      const refused = yield* Effect.flip(open("plugin", { poison: { upstream: "u" }, other: { upstream: "u" } }))
      assert.deepInclude(refused.reason, { _tag: "RegistrationRefused" })
      assert.include(refused.message, "test/Selective: cannot serve poison")
      assert.deepStrictEqual(yield* table, {})
      yield* open("plugin", { other: { upstream: "u" } })
      assert.deepStrictEqual(yield* table, { other: "u@plugin" })
    }).pipe(Effect.provide(withSelective)),
  )

  it.effect("keeps models whose removal is refused, logs it, and removes them with the next possible change", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => {
      lines.push(String(message))
    })
    return Effect.gen(function* () {
      const plugin = yield* open("plugin", { needed: { upstream: "u" } })
      yield* setInput(1)
      yield* Effect.andThen(close(plugin), settled)
      assert.deepStrictEqual(yield* table, { needed: "u@plugin" })
      assert.deepStrictEqual(lines, [
        "Models of closed registrations stay until the next change: test/Selective: needed is missing",
      ])
      const gone = yield* Effect.forkChild(
        Stream.runDrain(Stream.takeUntil(ModelRegistrations.changes, (registrations) => registrations.length === 0)),
        { startImmediately: true },
      )
      const events = yield* eventsOf(Effect.andThen(setInput(2), Fiber.join(gone)))
      assert.deepStrictEqual(events, [
        ["model.removed", { alias: "needed", provider: "plugin", upstream: "u", enabled: true }],
      ])
      assert.deepStrictEqual(yield* table, {})
    }).pipe(Effect.provide(withSelective.pipe(Layer.provide(Logger.layer([logger])))))
  })
})
