/**
 * The models that callers can name: those of the document, and those that plugins and providers register while the program runs. A
 * registration lasts as long as its `Scope`. A commit publishes one event for each changed model. Models in the first document make no
 * events; every registration does. After a `Gap`, a subscriber must read `models` again.
 */
import { Context, Effect, Layer, Schema, SchemaIssue, type Scope } from "effect"
import { type AcceptedRegistration, AcceptedRegistrations } from "./internal/ModelRegistry/AcceptedRegistrations.ts"
import { makeRegistrationChanges } from "./internal/ModelRegistry/RegistrationChanges.ts"
import { ModelTable, modelEvents } from "./internal/ModelTable.ts"
import {
  type Model,
  type ModelInput,
  ModelRegistrations,
  ModelSettings,
  maxModels,
  Registration,
} from "./ModelSettings.ts"
import { PinnedValues, PrepareFailed, Reconciler } from "./Reconciler.ts"
import * as Setting from "./Setting.ts"

export {
  DefaultModelAlias,
  defaultModelAliasProblem,
  defaultProvider,
  everyKey,
  Model,
  type ModelInput,
  ModelRegistrations,
  ModelSettings,
  type ModelsByAlias,
  maxModels,
  type Registration,
} from "./ModelSettings.ts"

/** The most registrations, and the most models in all of them together. Read when the registry is built. */
export const RegistrationLimits: Context.Reference<{ readonly registrations: number; readonly models: number }> =
  Context.Reference("@signalbox/core/RegistrationLimits", {
    defaultValue: () => ({ registrations: 256, models: maxModels }),
  })

/** The registry has no room for another registration or for its models. `limit` is the bound. */
export class RegistryFull extends Schema.TaggedClass<RegistryFull>()("RegistryFull", {
  of: Schema.Literals(["registrations", "models"]),
  limit: Schema.Int,
}) {}

/** A name, an alias or a field is invalid, by the rules of the document. */
export class InvalidRegistration extends Schema.TaggedClass<InvalidRegistration>()("InvalidRegistration", {
  detail: Schema.String,
}) {}

/** Services could not be built for the table with these models. Nothing has changed. */
export class RegistrationRefused extends Schema.TaggedClass<RegistrationRefused>()("RegistrationRefused", {
  failures: PrepareFailed.fields.failures,
}) {}

/** Models could not be registered. */
export class ModelRegistryError extends Schema.TaggedError<ModelRegistryError>()("ModelRegistryError", {
  /** The name of the registration, cut to 200 characters. */
  registration: Schema.String,
  reason: Schema.Union([RegistryFull, InvalidRegistration, RegistrationRefused]),
}) {
  override get message(): string {
    return `the models of ${JSON.stringify(this.registration)} are not registered: ${explain(this.reason)}`
  }
}

/** One model of the table, for administration. */
export interface RegisteredModel extends Model {
  readonly alias: string
  /** The name of the registration that it comes from, or `undefined` for the document. */
  readonly registeredBy: string | undefined
}

/**
 * The table of models, for plugins that add to it and for administration. Requests use the node `Models`.
 *
 * **Example** (Registering the models of a plugin)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import { EventBus, ModelRegistry, ModelSettings, Reconciler, Setting } from "@signalbox/core"
 * import { Effect, Layer } from "effect"
 *
 * const host = ModelRegistry.layer.pipe(
 *   Layer.provide(Setting.layerFrom(ModelSettings, {})),
 *   Layer.provide(Reconciler.layer),
 *   Layer.provide(EventBus.layer),
 * )
 * const program = Effect.gen(function* () {
 *   const registry = yield* ModelRegistry
 *   // The models are in the table until the Scope closes.
 *   yield* registry.register({ mirror: { upstream: "small-2" } }, { name: "my-plugin" })
 *   return yield* registry.models
 * }).pipe(Effect.scoped, Effect.provide(host))
 *
 * const models = await Effect.runPromise(program)
 * deepStrictEqual(models.map(({ alias, registeredBy }) => [alias, registeredBy]), [["mirror", "my-plugin"]])
 * ```
 */
export class ModelRegistry extends Context.Service<
  ModelRegistry,
  {
    /**
     * Adds models until the `Scope` closes. When the effect returns, they are in force.
     *
     * **Details**
     *
     * A model without a provider belongs to the provider with the registration's name. The document overrides every registration, and a
     * later registration overrides an earlier one. A second registration of a name replaces the first as a whole, in its position, until
     * the second `Scope` closes: so the next instance of a provider takes over from the one that drains.
     *
     * **Gotchas**
     *
     * Within a change (in a node's layer), the models come into force with the change after it, and a refusal is logged. A node that
     * registers models must not need `ModelRegistrations` or `Models`: it would rebuild itself for ever.
     */
    readonly register: (
      models: Readonly<Record<string, Partial<ModelInput> & Pick<ModelInput, "upstream">>>,
      options: { readonly name: string },
    ) => Effect.Effect<void, ModelRegistryError, Scope.Scope>
    /** The whole table of this fiber's pinned generation, or of the current one. */
    readonly models: Effect.Effect<ReadonlyArray<RegisteredModel>>
  }
>()("@signalbox/core/ModelRegistry") {
  /** The registry, with the setting `ModelRegistrations` that carries registrations into the generations. */
  static readonly layer: Layer.Layer<ModelRegistry | ModelRegistrations, never, Reconciler | ModelSettings> =
    Layer.effect(
      ModelRegistry,
      Effect.suspend(() => make),
    ).pipe(
      // The setting is new, so no service depends on it and none can refuse it.
      Layer.provideMerge(Layer.orDie(Setting.layerFrom(ModelRegistrations, []))),
    )
}

const make = Effect.gen(function* () {
  const reconciler = yield* Reconciler
  const settings = yield* ModelSettings
  const registrations = yield* ModelRegistrations
  const settingsIn = settings["~signalbox/Setting"].valueIn
  const registrationsIn = registrations["~signalbox/Setting"].valueIn

  const accepted = new AcceptedRegistrations(yield* RegistrationLimits)
  const tableIn = (values: ReadonlyMap<string, unknown>) => new ModelTable(settingsIn(values), registrationsIn(values))
  yield* reconciler.observe((before, after) => modelEvents(tableIn(before.values), tableIn(after.values)))

  const { add, withdraw } = yield* makeRegistrationChanges(reconciler, accepted, registrationsIn)

  const register: ModelRegistry["Service"]["register"] = Effect.fn("ModelRegistry.register")(function* (
    models,
    { name },
  ) {
    const registration = yield* validate(name, models)
    yield* Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const registered = yield* accept(accepted, registration)
        yield* Effect.addFinalizer(() => withdraw(registered))
        if (yield* reconciler.inChange) {
          const change = add(registered)
          return yield* reconciler.runLater((transaction) =>
            change(transaction).pipe(
              Effect.catch(refuse(accepted, registered)),
              Effect.catch((error) => Effect.logWarning(error.message)),
            ),
          )
        }
        yield* restore(reconciler.run(add(registered), { whenFull: "wait" })).pipe(
          Effect.catch(refuse(accepted, registered)),
          // An interrupted caller does not want the models, although its Scope may live on.
          Effect.onError(() => withdraw(registered)),
        )
      }),
    )
  })

  return ModelRegistry.of({
    register,
    models: Effect.gen(function* () {
      // Read both settings from one generation: another may be committed between two reads.
      const pinned = (yield* PinnedValues)?.values
      const values = pinned?.has(ModelRegistrations.key) ? pinned : (yield* reconciler.current).values
      const table = tableIn(values)
      return Array.from(table, ([alias, model]) => ({ alias, ...model, registeredBy: table.registeredBy(alias) }))
    }).pipe(Effect.withSpan("ModelRegistry.models")),
  })
})

const accept = (
  accepted: AcceptedRegistrations,
  registration: Registration,
): Effect.Effect<AcceptedRegistration, ModelRegistryError> =>
  Effect.suspend(() => {
    const result = accepted.accept(registration)
    if (typeof result === "object") return Effect.succeed(result)
    const reason = new RegistryFull({ of: result, limit: accepted.limits[result] })
    return new ModelRegistryError({ registration: registration.name, reason })
  })

const refuse = (accepted: AcceptedRegistrations, registered: AcceptedRegistration) => (refused: PrepareFailed) =>
  Effect.suspend(() => {
    accepted.release(registered)
    const reason = new RegistrationRefused({ failures: refused.failures })
    return new ModelRegistryError({ registration: registered.registration.name, reason })
  })

const validate = (
  name: string,
  models: Parameters<ModelRegistry["Service"]["register"]>[0],
): Effect.Effect<Registration, ModelRegistryError> =>
  Effect.suspend(() =>
    Registration.makeEffect({
      name,
      models: Object.fromEntries(Object.entries(models).map(([alias, model]) => [alias, { provider: name, ...model }])),
    }),
  ).pipe(
    Effect.mapError(
      (issue) =>
        new ModelRegistryError({
          registration: name.slice(0, maxName),
          reason: new InvalidRegistration({ detail: formatIssue(issue).slice(0, maxDetail) }),
        }),
    ),
  )

const formatIssue = SchemaIssue.makeFormatterDefault()
const maxName = 200
const maxDetail = 500

const explain = (reason: RegistryFull | InvalidRegistration | RegistrationRefused): string => {
  switch (reason._tag) {
    case "RegistryFull":
      return `at most ${reason.limit} ${reason.of} are allowed; close other registrations, or raise RegistrationLimits`
    case "InvalidRegistration":
      return reason.detail
    case "RegistrationRefused":
      return reason.failures.map(({ message, node }) => `${node}: ${message}`).join("; ")
  }
}
