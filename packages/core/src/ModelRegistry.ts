/**
 * The models that callers can name: those of the document and those that plugins and providers register while the program runs. A
 * registration lasts as long as its Scope. Each difference is an event of the commit that brought it. What stands in the document when the
 * registry is built is state, not news; every registration is news. Who follows the events and meets a `Gap` (a commit with more differences
 * than the bus keeps is one) reads `models` again.
 */
import { Context, Effect, Layer, Schema, SchemaIssue, type Scope } from "effect"
import {
  type AcceptedRegistration,
  AcceptedRegistrations,
  type Limits,
} from "./internal/ModelRegistry/AcceptedRegistrations.ts"
import { makeRegistrationChanges } from "./internal/ModelRegistry/RegistrationChanges.ts"
import { type ModelTable, modelEvents, modelTable, registeredBy } from "./internal/ModelTable.ts"
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

export type { ModelTable } from "./internal/ModelTable.ts"
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

/** At most so many registrations and so many models in all of them together. Read when the registry is built. */
export const RegistrationLimits: Context.Reference<Limits> = Context.Reference("@signalbox/core/RegistrationLimits", {
  defaultValue: () => ({ registrations: 256, models: maxModels }),
})

/** No room for another registration, or for its models; `limit` is how many there may be. */
export class RegistryFull extends Schema.TaggedClass<RegistryFull>()("RegistryFull", {
  of: Schema.Literals(["registrations", "models"]),
  limit: Schema.Int,
}) {}

/** A name, an alias or a field that no document could have either. */
export class InvalidRegistration extends Schema.TaggedClass<InvalidRegistration>()("InvalidRegistration", {
  detail: Schema.String,
}) {}

/** Services could not be built for the table with these models; nothing has changed. */
export class RegistrationRefused extends Schema.TaggedClass<RegistrationRefused>()("RegistrationRefused", {
  failures: PrepareFailed.fields.failures,
}) {}

/** Why models could not be registered. */
export class ModelRegistryError extends Schema.TaggedError<ModelRegistryError>()("ModelRegistryError", {
  /** Of the registration, at most 200 characters of it. */
  registration: Schema.String,
  reason: Schema.Union([RegistryFull, InvalidRegistration, RegistrationRefused]),
}) {
  override get message(): string {
    return `the models of ${JSON.stringify(this.registration)} are not registered: ${explain(this.reason)}`
  }
}

/** A line of the table, for people and programs that administer it. */
export interface RegisteredModel extends Model {
  readonly alias: string
  /** The registration that it comes from; `undefined`: the document. */
  readonly registeredBy: string | undefined
}

/** The table of models, for who adds to it or administers it; requests use the node `Models`. */
export class ModelRegistry extends Context.Service<
  ModelRegistry,
  {
    /**
     * Adds models until the Scope closes; `provider` is the registration's name where a model names none. Complete when they are in force,
     * except within a change (in a node's layer): there the change that brings them follows, and a refusal is logged. A later registration
     * shadows the aliases of an earlier one, the document those of both. Registering a name again replaces what it had registered as a
     * whole, in its place, until the newer Scope closes: a provider's next instance takes over from the one that drains.
     * A node that registers must not need `ModelRegistrations` or `Models`: it would rebuild itself for ever.
     */
    readonly register: (
      models: Readonly<Record<string, Partial<ModelInput> & Pick<ModelInput, "upstream">>>,
      options: { readonly name: string },
    ) => Effect.Effect<void, ModelRegistryError, Scope.Scope>
    /** The table of this fiber's pinned generation, else the current one: all of it, whoever asks. */
    readonly models: Effect.Effect<ReadonlyArray<RegisteredModel>>
  }
>()("@signalbox/core/ModelRegistry") {
  /** With the setting `ModelRegistrations`, in which the registrations come into the generations. */
  static readonly layer: Layer.Layer<ModelRegistry | ModelRegistrations, never, Reconciler | ModelSettings> =
    Layer.effect(
      ModelRegistry,
      Effect.suspend(() => make),
    ).pipe(
      // Nothing can depend yet on a setting that is not there yet, so nothing can refuse it.
      Layer.provideMerge(Layer.orDie(Setting.layerFrom(ModelRegistrations, []))),
    )
}

const make = Effect.gen(function* () {
  const reconciler = yield* Reconciler
  const settings = yield* ModelSettings
  const registrations = yield* ModelRegistrations
  const settingsIn = settings["~signalbox/Setting"].valueIn
  const registrationsIn = registrations["~signalbox/Setting"].valueIn

  const entries = new AcceptedRegistrations(yield* RegistrationLimits)
  const tableIn = (values: ReadonlyMap<string, unknown>): ModelTable =>
    modelTable(settingsIn(values), registrationsIn(values))
  yield* reconciler.observe((before, after) => modelEvents(tableIn(before.values), tableIn(after.values)))

  const { add, withdraw } = yield* makeRegistrationChanges(reconciler, entries, registrationsIn)

  const accept = (registration: Registration): Effect.Effect<AcceptedRegistration, ModelRegistryError> =>
    Effect.suspend(() => {
      const accepted = entries.accept(registration)
      if (typeof accepted === "object") return Effect.succeed(accepted)
      const reason = new RegistryFull({ of: accepted, limit: entries.limits[accepted] })
      return new ModelRegistryError({ registration: registration.name, reason })
    })

  const refuse = (entry: AcceptedRegistration) => (refused: PrepareFailed) =>
    Effect.suspend(() => {
      entries.free(entry)
      const reason = new RegistrationRefused({ failures: refused.failures })
      return new ModelRegistryError({ registration: entry.registration.name, reason })
    })

  const register: ModelRegistry["Service"]["register"] = Effect.fn("ModelRegistry.register")(function* (
    models,
    { name },
  ) {
    const registration = yield* validate(name, models)
    yield* Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const entry = yield* accept(registration)
        yield* Effect.addFinalizer(() => withdraw(entry))
        if (yield* reconciler.inChange) {
          const change = add(entry)
          return yield* reconciler.runLater((transaction) =>
            change(transaction).pipe(
              Effect.catch(refuse(entry)),
              Effect.catch((error) => Effect.logWarning(error.message)),
            ),
          )
        }
        yield* restore(reconciler.run(add(entry), { whenFull: "wait" })).pipe(
          Effect.catch(refuse(entry)),
          // Whoever stops waiting does not want it either, though its Scope may live on.
          Effect.onError(() => withdraw(entry)),
        )
      }),
    )
  })

  return ModelRegistry.of({
    register,
    models: Effect.gen(function* () {
      // Both from one generation: between two reads another may be committed.
      const pinned = (yield* PinnedValues)?.values
      const values = pinned?.has(ModelRegistrations.key) ? pinned : (yield* reconciler.current).values
      const [documented, registered] = [settingsIn(values), registrationsIn(values)]
      return Array.from(modelTable(documented, registered), ([alias, model]) => ({
        alias,
        ...model,
        registeredBy: registeredBy(documented, registered, alias),
      }))
    }),
  })
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
      return `there are ${reason.limit} ${reason.of} already, or would be more; close other registrations, or raise RegistrationLimits`
    case "InvalidRegistration":
      return reason.detail
    case "RegistrationRefused":
      return reason.failures.map(({ message, node }) => `${node}: ${message}`).join("; ")
  }
}
