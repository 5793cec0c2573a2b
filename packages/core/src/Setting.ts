/**
 * One typed value that changes while the program runs: a slice of the configuration, or what plugins registered. Its owner puts it into
 * the Reconciler's generations under the setting's id and serves it with `bind`; everyone else reads `get` or follows `changes`.
 */
import { Context, Effect, Layer, type Schema, Stream } from "effect"
import { type PrepareFailed, Reconciler } from "./Reconciler.ts"

/** What a setting can do. */
export interface Shape<in out A> {
  /** The value of this fiber's pinned generation, else the current one. */
  readonly get: Effect.Effect<A>
  /**
   * The current value first, then each one that differs from it (by `Object.is`), as this process's commits bring them and after their
   * events; pins do not matter here. A slow follower skips intermediate values, never the last.
   */
  readonly changes: Stream.Stream<A>
  /** How a generation holds it; for the ServiceGraph. */
  readonly "~signalbox/Setting": { readonly valueIn: (values: ReadonlyMap<string, unknown>) => A }
}

/** A declared setting: the service, its schema, and both ways to its value. */
export interface Class<in out Self, in out Id extends string, in out S extends Schema.Top>
  extends Context.ServiceClass<Self, Id, Shape<S["Type"]>> {
  /** The setting owns its schema: defaults, redaction, restart annotations travel with it into the host's document. */
  readonly schema: S
  /** The value of this fiber's pinned generation, else the current one. */
  readonly get: Effect.Effect<S["Type"], never, Self>
  /** The current value first, then each real change. */
  readonly changes: Stream.Stream<S["Type"], never, Self>
  /** A constant, for tests and for hosts without a ConfigStore. */
  readonly layer: (value: S["Type"]) => Layer.Layer<Self>
}

/**
 * Declares a setting:
 * ```ts
 * class Window extends Setting.Service<Window>()("app/Window", Schema.Struct({ minutes: Schema.Int })) {}
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
    // Whether `Self` was given cannot be decided inside: the conditional type stays open.
    return Object.assign(key, members) as never
  }

/**
 * The setting as the Reconciler's generations hold it. The owner puts the value in by a change,
 * `transaction.prepare(new Map([[setting.key, value]]))`, before it offers the service: a generation without the value is a defect.
 */
export const bind = <Self, Id extends string, S extends Schema.Top>(
  setting: Class<Self, Id, S>,
  reconciler: Reconciler["Service"],
): Shape<S["Type"]> => {
  // The owner decoded it with the setting's schema, or has it from there: the map cannot know.
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

/** The setting with a first value of its own, committed without events; later values come by changes that `prepare` the setting's id. */
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
