/** What a host's document says about models, and what plugins register: schemas and settings. */
import { Effect, Schema } from "effect"
import { didYouMean, nearNames } from "./NearNames.ts"
import * as Setting from "./Setting.ts"

/** Whom a model without `provider` belongs to: a document that knows only one provider need not name it. */
export const defaultProvider = "default"

/** In `allowed_keys`: every key, and callers without one. */
export const everyKey = "*"

const nameRule = "must have 1 to 200 characters, no control characters and no space at either end"

/** How an alias, a provider or a registration may be called: 1 to 200 characters, no control characters, no space at either end. */
export const Name = Schema.String.check(Schema.isPattern(/^(?! )[^\p{Cc}]{1,200}(?<! )$/u, { message: nameRule }))

/** A record whose keys are `Name`s, of at most so many members. */
export const namedRecord = <S extends Schema.Top>(value: S, maxMembers: number) =>
  Schema.Record(Schema.String, value).check(
    Schema.isPropertyNames(Name, { message: nameRule }),
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
  /** Ids of the keys that may use it; at most 1,000. `*` is every key, and a caller without a key. */
  allowedKeys: Schema.Array(Schema.String)
    .check(Schema.isMaxLength(1_000))
    .pipe(
      Schema.withDecodingDefaultKey(Effect.succeed([everyKey])),
      Schema.withConstructorDefault(Effect.succeed([everyKey])),
    ),
}).pipe(Schema.encodeKeys({ allowedKeys: "allowed_keys" }))
export type Model = typeof Model.Type
/** A model as code writes it: only `upstream` is needed. */
export type ModelInput = (typeof Model)["~type.make.in"]
export type ModelsByAlias = Readonly<Record<string, Model>>

/** At most so many models in a document. */
export const maxModels = 100_000

/** The document's models by alias; none without the key. */
export class ModelSettings extends Setting.Service<ModelSettings>()(
  "@signalbox/core/ModelSettings",
  namedRecord(Model, maxModels).pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
) {}

/** Where names go that nobody knows: an alias of the document, or empty (the default) to refuse them. */
export class DefaultModelAlias extends Setting.Service<DefaultModelAlias>()(
  "@signalbox/core/DefaultModelAlias",
  Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed(""))),
) {}

/** What one plugin or provider registered. */
export const Registration = Schema.Struct({ name: Name, models: namedRecord(Model, maxModels) })
export type Registration = typeof Registration.Type

/** The registrations in force, in the order in which they count; the ModelRegistry owns it. */
export class ModelRegistrations extends Setting.Service<ModelRegistrations>()(
  "@signalbox/core/ModelRegistrations",
  Schema.Array(Registration),
) {}

/**
 * Why the alias cannot be the default one; `undefined` if it can. Only the document's own models count: what plugins register comes and
 * goes, and could otherwise make a good document a bad one. For the filter of a host's schema, where the refusal gets its line and column.
 */
export const defaultModelAliasProblem = (models: ModelsByAlias, alias: string): string | undefined =>
  alias === "" || Object.hasOwn(models, alias)
    ? undefined
    : `default_model_alias is no alias of models${didYouMean(nearNames(alias, Object.keys(models)))}; add it there, or leave it empty`
