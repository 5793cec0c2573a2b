import { assert, it } from "@effect/vitest"
import { EventBus, MemoryConfigSource, Reconciler, Retention, StatsLedger } from "@signalbox/core"
import { SegmentStorage } from "@signalbox/core/SegmentStorage"
import { Effect, Layer } from "effect"
import { body, Chat, Services, settings, stores, WholeConfig } from "../src/whole.ts"

/** The host of the example in memory. */
const host = Layer.mergeAll(body, stores).pipe(
  Layer.provideMerge(StatsLedger.layer),
  Layer.provideMerge(SegmentStorage.layerMemory),
  Layer.provideMerge(settings),
  Layer.provideMerge(WholeConfig.layer),
  Layer.provideMerge(MemoryConfigSource.layer),
  Layer.provideMerge(Layer.provideMerge(Reconciler.layer, EventBus.layer)),
)

const ask = (alias: string) => Services.provide(Effect.flatMap(Chat, (chat) => chat.ask(alias, "hi")))

it.effect("serves models of the document and of a plugin, and counts the calls", () =>
  Effect.gen(function* () {
    const config = yield* WholeConfig
    assert.strictEqual(yield* ask("fast"), "echo/echo/echo-1: hi")
    assert.strictEqual(yield* ask("mirror"), "echo/echo/mirror-1: hi")

    yield* config.update([{ path: "/models/fast/upstream", value: "echo-2" }])
    assert.strictEqual(yield* ask("fast"), "echo/echo/echo-2: hi")
    assert.strictEqual((yield* (yield* StatsLedger).snapshot()).totals.requests, 3)
    assert.lengthOf(yield* (yield* Retention).sweep({ dryRun: true }), 2)
  }).pipe(Effect.provide(host)),
)

it.effect("shows no provider's key, and keeps the other providers' clients when one changes", () =>
  Effect.gen(function* () {
    const config = yield* WholeConfig
    const generationOf = (name: string) =>
      Effect.map(Services.status, ({ services }) => services.find((service) => service.name.endsWith(name))?.generation)
    const before = yield* generationOf("Clients/echo")
    const provider = { kind: "openai", api_key: "sk-secret" }
    const plan = yield* config.plan([{ path: "/providers/second", value: provider }])
    assert.notInclude(JSON.stringify(plan), "sk-secret")
    yield* config.update([{ path: "/providers/second", value: provider }])
    assert.notInclude((yield* config.document).text, "sk-secret")
    assert.strictEqual(yield* generationOf("Clients/echo"), before)
    assert.notStrictEqual(yield* generationOf("Clients/second"), before)
  }).pipe(Effect.provide(host)),
)
