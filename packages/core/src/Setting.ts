/**
 * One typed value that changes while the program runs: a slice of the configuration, or what plugins registered. Its owner commits it into
 * the Reconciler's generations under the setting's id, and offers it with `bind`. Other services read `get` or follow `changes`.
 */
import { Context, Effect, Layer, type Schema, Stream } from "effect"
import { type PrepareFailed, Reconciler } from "./Reconciler.ts"

/** The operations of a setting. */
export interface Shape<in out A> {
  /** The value in this fiber's pinned generation, else the current one. */
  readonly get: Effect.Effect<A>
  /**
   * The current value first, then each committed value that differs from the one before (by `Object.is`), after the events of its commit.
   * Ignores pins. A slow follower skips intermediate values, never the last.
   */
  readonly changes: Stream.Stream<A>
  /** Reads the value from a generation; for the ServiceGraph. */
  readonly "~signalbox/Setting": { readonly valueIn: (values: ReadonlyMap<string, unknown>) => A }
}

/** A declared setting: the service, its schema, and its value. */
export interface Class<in out Self, in out Id extends string, in out S extends Schema.Top>
  extends Context.ServiceClass<Self, Id, Shape<S["Type"]>> {
  /** The schema of the value, with its defaults, redaction and restart annotations. A host puts it into the schema of its document. */
  readonly schema: S
  /** The value in this fiber's pinned generation, else the current one. */
  readonly get: Effect.Effect<S["Type"], never, Self>
  /**
   * The current value first, then each value that differs from the one before.
   *
   * **When to use**
   *
   * Use it in a long-lived service that follows one value. A service that is replaced when its input changes is a node of the ServiceGraph.
   *
   * **Example** (Following a setting)
   *
   * ```ts
   * import { deepStrictEqual } from "node:assert"
   * import { ConfigStore, EventBus, Reconciler, Setting } from "@signalbox/core"
   * import { Effect, Fiber, Layer, Schema, Stream } from "effect"
   *
   * class Limit extends Setting.Service<Limit>()("app/Limit", Schema.Int) {}
   * class AppConfig extends ConfigStore.Service<AppConfig>()("app/AppConfig", {
   *   schema: Schema.Struct({ limit: Limit.schema })
   * }) {}
   *
   * const program = Effect.gen(function* () {
   *   const limits = yield* Limit.changes.pipe(Stream.take(2), Stream.runCollect, Effect.forkChild({ startImmediately: true }))
   *   yield* (yield* AppConfig).update([{ path: "/limit", value: 20 }])
   *   return yield* Fiber.join(limits)
   * })
   *
   * const layer = Layer.provideMerge(AppConfig.setting(Limit, (config) => config.limit), ConfigStore.layerMemory(AppConfig, { limit: 10 }))
   * const runtime = Layer.provide(layer, Layer.provideMerge(Reconciler.layer, EventBus.layer))
   * deepStrictEqual(await Effect.runPromise(Effect.provide(program, runtime)), [10, 20])
   * ```
   */
  readonly changes: Stream.Stream<S["Type"], never, Self>
  /** A constant, for tests and for hosts without a ConfigStore. */
  readonly layer: (value: S["Type"]) => Layer.Layer<Self>
}

/**
 * Declares a setting.
 *
 * **Example** (A setting with a constant value)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import { Setting } from "@signalbox/core"
 * import { Effect, Schema } from "effect"
 *
 * class Window extends Setting.Service<Window>()("app/Window", Schema.Struct({ minutes: Schema.Int })) {}
 *
 * const window = await Effect.runPromise(Effect.provide(Window.get, Window.layer({ minutes: 5 })))
 * deepStrictEqual(window, { minutes: 5 })
 * ```
 */
export const Service =
  <Self = never>() =>
  <const Id extends string, S extends Schema.Top>(
    id: Id,
    schema: S,
  ): [Self] extends [never]
    ? "Missing `Self` generic - use `class Self extends Setting.Service<Self>()(...)`"
    : Class<Self, Id, S> => {
    const key = Context.Service<Self, Shape<S["Type"]>>()(id)
    const members = {
      schema,
      get: Effect.flatMap(key, (setting) => setting.get),
      changes: Stream.unwrap(Effect.map(key, (setting) => setting.changes)),
      layer: (value: S["Type"]) => Layer.succeed(key)(constant(value)),
    }
    // The conditional type on `Self` cannot be decided here.
    return Object.assign(key, members) as never
  }

/**
 * The setting over the Reconciler's generations. Its owner first commits a value by a change with
 * `transaction.prepare(new Map([[setting.key, value]]))`: a generation without the value is a defect.
 */
export const bind = <Self, Id extends string, S extends Schema.Top>(
  setting: Class<Self, Id, S>,
  reconciler: Reconciler["Service"],
): Shape<S["Type"]> => {
  // The owner decoded the value with the setting's schema; the map has no types.
  const valueIn = (values: ReadonlyMap<string, unknown>): S["Type"] => values.get(setting.key)
  return {
    get: reconciler.read(setting.key),
    changes: reconciler.generations.pipe(
      Stream.map(({ values }) => valueIn(values)),
      Stream.changesWith(Object.is),
    ),
    "~signalbox/Setting": { valueIn },
  }
}

/**
 * The setting with a first value, committed without events. Later values come from changes that `prepare` the setting's id.
 *
 * **Example** (Owning a setting without a ConfigStore)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { EventBus, Reconciler, Setting } from "@signalbox/core"
 * import { Effect, Layer, Schema } from "effect"
 *
 * class Limit extends Setting.Service<Limit>()("app/Limit", Schema.Int) {}
 *
 * const host = Setting.layerFrom(Limit, 3).pipe(
 *   Layer.provide(Layer.provideMerge(Reconciler.layer, EventBus.layer)),
 * )
 * strictEqual(await Effect.runPromise(Effect.provide(Limit.get, host)), 3)
 * ```
 */
export const layerFrom = <Self, Id extends string, S extends Schema.Top>(
  setting: Class<Self, Id, S>,
  initial: S["Type"],
): Layer.Layer<Self, PrepareFailed, Reconciler> =>
  Layer.effect(
    setting,
    Effect.gen(function* () {
      const reconciler = yield* Reconciler
      yield* reconciler.run(
        (transaction) =>
          Effect.flatMap(transaction.prepare(new Map([[setting.key, initial]])), (prepared) => prepared.commit([])),
        { whenFull: "wait" },
      )
      return bind(setting, reconciler)
    }),
  )

const constant = <A>(value: A): Shape<A> => ({
  get: Effect.succeed(value),
  changes: Stream.concat(Stream.succeed(value), Stream.never),
  "~signalbox/Setting": { valueIn: () => value },
})
