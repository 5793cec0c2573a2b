/** Schemas and settings of models: those of the document and those that plugins register. */
import { Effect, Schema } from "effect"
import { membersOf } from "./internal/StructuralSharing.ts"
import { visibleText } from "./internal/VisibleName.ts"
import { didYouMean, nearNames } from "./NearNames.ts"
import * as Setting from "./Setting.ts"

/** The provider of a model without `provider`, so that a document with one provider need not name it. */
export const defaultProvider = "default"

/** In `allowed_keys`: every key, and callers without a key. */
export const everyKey = "*"

const nameRule = "must have 1 to 200 visible characters, and no space at either end"

/** The name of an alias, provider or registration: 1 to 200 visible characters, no space at either end. */
export const Name = visibleText(1, 200, nameRule)

/**
 * Makes a schema of a record whose keys are `Name`s, with at most `maxMembers` members.
 *
 * **Example** (A record of limits by team)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import { namedRecord } from "@signalbox/core/ModelSettings"
 * import { Schema } from "effect"
 *
 * const isTeams = Schema.is(namedRecord(Schema.Int, 100))
 * deepStrictEqual([{ red: 1 }, { " red": 1 }].map((teams) => isTeams(teams)), [true, false])
 * ```
 */
export const namedRecord = <S extends Schema.Top>(value: S, maxMembers: number) =>
  Schema.Record(Schema.String, value).check(
    Schema.isPropertyNames(Name, { message: `${nameRule}, and must not have the form of an API key` }),
    Schema.isMaxProperties(maxMembers),
  )

/** One model. On the wire: `{ upstream, provider?, enabled?, allowed_keys? }`. */
export const Model = Schema.Struct({
  /** The model id that the provider knows. */
  upstream: Name,
  provider: Name.pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(defaultProvider)),
    Schema.withConstructorDefault(Effect.succeed(defaultProvider)),
  ),
  enabled: Schema.Boolean.pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(true)),
    Schema.withConstructorDefault(Effect.succeed(true)),
  ),
  /** The ids of the keys that may use it, at most 1,000. `*` stands for every key, and for callers without a key. */
  allowedKeys: Schema.Array(Name)
    .check(Schema.isMaxLength(1_000))
    .pipe(
      Schema.withDecodingDefaultKey(Effect.succeed([everyKey])),
      Schema.withConstructorDefault(Effect.succeed([everyKey])),
    ),
}).pipe(Schema.encodeKeys({ allowedKeys: "allowed_keys" }))
export type Model = typeof Model.Type
/** The input of `Model.make`: only `upstream` is required. */
export type ModelInput = (typeof Model)["~type.make.in"]
export type ModelsByAlias = Readonly<Record<string, Model>>

/** The most models in a document. */
export const maxModels = 10_000

/** The document's models by alias. Default: none. */
export class ModelSettings extends Setting.Service<ModelSettings>()(
  "@signalbox/core/ModelSettings",
  namedRecord(Model, maxModels).pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
) {}

/** The alias for unknown names: an alias of the document, or empty (the default) to refuse them. */
export class DefaultModelAlias extends Setting.Service<DefaultModelAlias>()(
  "@signalbox/core/DefaultModelAlias",
  Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed(""))),
) {}

/** The models that one plugin or provider registered. */
export const Registration = Schema.Struct({ name: Name, models: namedRecord(Model, maxModels) })
export type Registration = typeof Registration.Type

/** The registrations in force; a later one overrides an earlier one. The ModelRegistry owns it. */
export class ModelRegistrations extends Setting.Service<ModelRegistrations>()(
  "@signalbox/core/ModelRegistrations",
  Schema.Array(Registration),
) {}

/**
 * Returns why an alias cannot be the default alias, or `undefined` if it can.
 *
 * **When to use**
 *
 * In a filter of a host's schema, so that the problem has a line and a column.
 *
 * **Details**
 *
 * Only the document's own models count. Registered models come and go, and must not make a valid document invalid.
 *
 * **Example** (Checking the default alias)
 *
 * ```ts
 * import { match } from "node:assert"
 * import { defaultModelAliasProblem, Model } from "@signalbox/core"
 *
 * const models = { fast: Model.make({ upstream: "small-1" }) }
 * match(defaultModelAliasProblem(models, "fats") ?? "", /did you mean "fast"/)
 * ```
 */
export const defaultModelAliasProblem = (models: ModelsByAlias, alias: string): string | undefined =>
  alias === "" || Object.hasOwn(models, alias)
    ? undefined
    : `default_model_alias is not an alias of models${didYouMean(nearNames(alias, Object.keys(models)))}; add it there, or leave it empty`

/**
 * Returns the aliases of models whose provider does not exist, by the name of that provider.
 *
 * **When to use**
 *
 * In the warnings of a host's schema. It is not a problem of the document, because a provider may come later.
 *
 * **Example** (Finding a misspelt provider)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import { aliasesWithoutProvider, Model } from "@signalbox/core/ModelSettings"
 *
 * const models = {
 *   fast: Model.make({ upstream: "small-1", provider: "openai" }),
 *   slow: Model.make({ upstream: "large-1", provider: "opnai" }),
 * }
 * deepStrictEqual(aliasesWithoutProvider(models, { openai: {} }), new Map([["opnai", ["slow"]]]))
 * ```
 */
export const aliasesWithoutProvider = (
  models: ModelsByAlias,
  providers: Readonly<Record<string, unknown>>,
): ReadonlyMap<string, ReadonlyArray<string>> => {
  const known = new Set(Object.keys(providers))
  const found = new Map<string, Array<string>>()
  const { keys, values } = membersOf(models)
  for (let index = 0; index < keys.length; index++) {
    const { provider } = values[index]!
    if (known.has(provider)) continue
    const aliases = found.get(provider)
    if (aliases === undefined) found.set(provider, [keys[index]!])
    else aliases.push(keys[index]!)
  }
  return found
}
