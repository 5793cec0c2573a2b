/** Generated programs of concurrent registrations, edits and interruptions: the table is compared with a replay in the order of commits. */
import { assert, it } from "@effect/vitest"
import * as Event from "@signalbox/core/Event"
import { EventBus, EventCapacity } from "@signalbox/core/EventBus"
import type { ModelEvent } from "@signalbox/core/ModelEvents"
import { ModelRegistrations, ModelRegistry, ModelSettings } from "@signalbox/core/ModelRegistry"
import { Models } from "@signalbox/core/Models"
import { type Generation, Reconciler } from "@signalbox/core/Reconciler"
import { Effect, Exit, Fiber, Layer, Scheduler, Schema, Scope, Stream } from "effect"
import * as FastCheck from "fast-check"
import { Edited, edit, host, list, type ModelInputs, modelsOf, Services } from "./ModelHost.ts"

const isTorture = process.env["SIGNALBOX_TORTURE"] === "1"

type Fields = { readonly provider: string; readonly upstream: string; readonly enabled: boolean }
type Table = Readonly<Record<string, Fields>>

type Step =
  | {
      readonly step: "open"
      readonly name: string
      readonly models: ModelInputs
      readonly interruptAfterTurns: number | undefined
    }
  | { readonly step: "close"; readonly which: number }
  | { readonly step: "edit"; readonly models: ModelInputs; readonly defaultAlias: string }
interface Program {
  /** The steps of each fiber. A step waits some turns before it begins. */
  readonly actors: ReadonlyArray<ReadonlyArray<{ readonly turns: number; readonly action: Step }>>
  readonly operations: number
}

const alias = FastCheck.constantFrom("a", "b", "c", "constructor")
const models = FastCheck.dictionary(
  alias,
  FastCheck.record(
    {
      upstream: FastCheck.constantFrom("u1", "u2"),
      provider: FastCheck.constantFrom("p", "q"),
      enabled: FastCheck.boolean(),
    },
    { requiredKeys: ["upstream"] },
  ),
  { maxKeys: 4, noNullPrototype: true },
)
const open = FastCheck.record({
  step: FastCheck.constant("open" as const),
  name: FastCheck.constantFrom("x", "y", "z"),
  models,
  // Some callers are interrupted after a few turns.
  interruptAfterTurns: FastCheck.option(FastCheck.nat({ max: 12 }), { nil: undefined, freq: 3 }),
})
const close = FastCheck.record({ step: FastCheck.constant("close" as const), which: FastCheck.nat({ max: 5 }) })
const editing = FastCheck.record({
  step: FastCheck.constant("edit" as const),
  models,
  defaultAlias: FastCheck.oneof({ weight: 3, arbitrary: FastCheck.constant("") }, alias),
})
const actorOf = (action: FastCheck.Arbitrary<Step>) =>
  FastCheck.array(FastCheck.record({ turns: FastCheck.nat({ max: 4 }), action }), { minLength: 1, maxLength: 8 })
const registrar = actorOf(
  FastCheck.oneof({ weight: 3, arbitrary: open }, { weight: 2, arbitrary: close }) as FastCheck.Arbitrary<Step>,
)
const aProgram: FastCheck.Arbitrary<Program> = FastCheck.record({
  actors: FastCheck.tuple(registrar, registrar, registrar, actorOf(editing)),
  operations: FastCheck.oneof(FastCheck.integer({ min: 3, max: 40 }), FastCheck.constant(2048)),
})

/** Follows the events of each commit with the expected table, computed without the code under test. */
class Committed extends Event.Class<Committed>()("test.committed", { table: Schema.Unknown }) {}
class Ended extends Event.Class<Ended>()("test.ended", {}) {}

const markOf = (registered: { readonly models: object }): string =>
  Object.keys(registered.models).find((key) => key.startsWith("mark-")) ?? ""

const valuesIn = ({ values }: Generation) => ({
  settings: values.get(ModelSettings.key) as (typeof ModelSettings)["schema"]["Type"],
  registrations: values.get(ModelRegistrations.key) as (typeof ModelRegistrations)["schema"]["Type"],
})

const fieldsOf = ({ enabled, provider, upstream }: Fields): Fields => ({ provider, upstream, enabled })

const tableOf = (layers: ReadonlyArray<Readonly<Record<string, Fields>>>): Table =>
  Object.fromEntries(
    Object.entries(Object.assign({}, ...layers) as Record<string, Fields>).map(([key, model]) => [
      key,
      fieldsOf(model),
    ]),
  )

/** Applies an event to the table, and fails if a lost, doubled or wrong event makes it impossible. */
const fold = (table: Record<string, Fields>, event: ModelEvent): void => {
  const before = Object.hasOwn(table, event.alias) ? table[event.alias] : undefined
  const now = fieldsOf(event)
  switch (event._tag) {
    case "model.added":
      assert.isUndefined(before, `${event.alias} was already in the table`)
      table[event.alias] = now
      return
    case "model.removed":
      assert.deepStrictEqual(now, before, `${event.alias} was different`)
      delete table[event.alias]
      return
    case "model.changed": {
      assert.isDefined(before, `${event.alias} was not in the table`)
      const differing = (["provider", "upstream", "enabled"] as const).filter((field) => before![field] !== now[field])
      assert.deepStrictEqual<unknown>(event.changed, differing)
      table[event.alias] = now
    }
  }
}

const run = (program: Program) =>
  Effect.gen(function* () {
    const registry = yield* ModelRegistry
    const reconciler = yield* Reconciler
    const bus = yield* EventBus
    const scope = yield* Effect.scope
    const events = yield* bus.subscribe()

    // The replay: the order in which registrations came into force, and the order of names.
    const arrived: Array<string> = []
    let names: ReadonlyArray<string> = []
    let settings: Readonly<Record<string, Fields>> = {}
    yield* reconciler.observe((_, after) => {
      const values = valuesIn(after)
      for (const registered of values.registrations) {
        if (!arrived.includes(markOf(registered))) arrived.push(markOf(registered))
      }
      const present = values.registrations.map(({ name }) => name)
      names = [...names.filter((name) => present.includes(name)), ...present.filter((name) => !names.includes(name))]
      settings = values.settings
      return [new Committed({ table: tableOf([...values.registrations.map(({ models }) => models), values.settings]) })]
    })

    let marks = 0
    let accepted = 0
    const opened = new Map<
      string,
      { readonly name: string; readonly models: ModelInputs; readonly scope: Scope.Closeable }
    >()
    const perform = (own: Array<string>, action: Step) =>
      Effect.gen(function* () {
        switch (action.step) {
          case "open": {
            const mark = `mark-${++marks}`
            const models = { ...action.models, [mark]: { upstream: "u" } }
            const registered = yield* Scope.fork(scope)
            const registering = yield* Effect.forkChild(
              Scope.provide(registry.register(models, { name: action.name }), registered),
            )
            if (action.interruptAfterTurns !== undefined) {
              for (let turn = 0; turn < action.interruptAfterTurns; turn++) yield* Effect.yieldNow
              yield* Fiber.interrupt(registering)
            }
            if (Exit.isSuccess(yield* Fiber.await(registering))) {
              assert.include(arrived, mark, "registered but never in force")
              own.push(mark)
              opened.set(mark, { name: action.name, models, scope: registered })
            } else {
              // It may have come into force at the moment of the interruption.
              yield* Scope.close(registered, Exit.void)
            }
            return
          }
          case "close": {
            const [mark] = own.splice(action.which % Math.max(1, own.length), 1)
            const registered = mark === undefined ? undefined : opened.get(mark)
            if (mark === undefined || registered === undefined) return
            opened.delete(mark)
            return yield* Scope.close(registered.scope, Exit.void)
          }
          case "edit": {
            const { defaultAlias, models } = action
            const exit = yield* Effect.exit(edit({ models, defaultAlias }))
            assert.strictEqual(Exit.isSuccess(exit), defaultAlias === "" || Object.hasOwn(models, defaultAlias))
            if (Exit.isSuccess(exit)) accepted++
          }
        }
      })
    const actors = yield* Effect.forEach(program.actors, (steps) =>
      Effect.gen(function* () {
        const own: Array<string> = []
        for (const { action, turns } of steps) {
          for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
          yield* perform(own, action)
        }
      }).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, program.operations), Effect.forkChild),
    )
    yield* Fiber.joinAll(actors)
    // The last withdrawn registrations are removed by the change before this one.
    yield* reconciler.run(() => Effect.void, { whenFull: "wait" })
    yield* bus.publish(new Ended({}))

    const table: Record<string, Fields> = {}
    let edits = 0
    yield* events.pipe(
      Stream.takeWhile((item) => item._tag === "Gap" || item.event._tag !== Ended.type),
      Stream.runForEach((item) =>
        Effect.sync(() => {
          assert.strictEqual(item._tag, "Envelope")
          if (item._tag === "Gap") return
          const { event } = item
          if (event instanceof Edited) edits++
          else if (event instanceof Committed) assert.deepStrictEqual<unknown>(table, event.table)
          else if (event._tag.startsWith("model.")) fold(table, event as ModelEvent)
        }),
      ),
    )
    assert.strictEqual(edits, accepted)

    const inForce = names.flatMap((name) => {
      const newest = arrived.findLast((mark) => opened.get(mark)?.name === name)
      const found = newest === undefined ? undefined : opened.get(newest)
      return found === undefined ? [] : [found]
    })
    assert.deepStrictEqual(
      [...opened.values()].map(({ name }) => name).filter((name) => !names.includes(name)),
      [],
      "a registration is open but not in force",
    )
    assert.strictEqual(inForce.length, names.length, "a registration is in force but not open")
    const expected = tableOf([
      ...inForce.map(({ models, name }) =>
        modelsOf(Object.fromEntries(Object.entries(models).map(([key, model]) => [key, { provider: name, ...model }]))),
      ),
      settings,
    ])
    assert.deepStrictEqual<unknown>(table, expected)
    const listed = Object.fromEntries((yield* registry.models).map((model) => [model.alias, fieldsOf(model)]))
    assert.deepStrictEqual<unknown>(listed, expected)
    const enabled = Object.keys(expected).filter((key) => expected[key]!.enabled)
    assert.sameMembers(
      (yield* list()).map((route) => route.alias),
      enabled,
    )
    const service = yield* Services.provide(Models)
    for (const key of enabled) assert.strictEqual((yield* service.resolve(key)).upstream, expected[key]!.upstream)
  }).pipe(Effect.scoped, Effect.provide(host().pipe(Layer.provide(Layer.succeed(EventCapacity)(8192)))))

it(
  "loses and doubles no event, and has the table of a replay in the order of commits",
  { timeout: isTorture ? 600_000 : 60_000 },
  () =>
    FastCheck.assert(
      FastCheck.asyncProperty(aProgram, (program) => Effect.runPromise(run(program))),
      { numRuns: isTorture ? 10_000 : 120 },
    ),
)
