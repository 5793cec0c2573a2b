/**
 * The table of models: combines the document's models with registered models, and computes the events between two tables. A table is a view
 * over both: making one costs nothing for the document's models, and comparing two costs one identity check for each model.
 */
import { ModelAdded, ModelChanged, type ModelEvent, type ModelField, ModelRemoved } from "../ModelEvents.ts"
import type { Model, ModelsByAlias, Registration } from "../ModelSettings.ts"
import { membersOf } from "./StructuralSharing.ts"

interface RegisteredModel {
  readonly model: Model
  /** The name of the registration. */
  readonly registeredBy: string
}

/** All models by alias. The document overrides every registration, and a later registration overrides an earlier one. Immutable. */
export class ModelTable implements Iterable<readonly [alias: string, model: Model]> {
  readonly documented: ModelsByAlias
  readonly registered: ReadonlyMap<string, RegisteredModel>

  constructor(documented: ModelsByAlias, registrations: ReadonlyArray<Registration>) {
    this.documented = documented
    this.registered = registeredModels(registrations)
  }

  get(alias: string): Model | undefined {
    // Names such as `constructor` exist on every object.
    return Object.hasOwn(this.documented, alias) ? this.documented[alias] : this.registered.get(alias)?.model
  }

  /** Returns the name of the registration that an alias comes from, or `undefined` for the document. */
  registeredBy(alias: string): string | undefined {
    return Object.hasOwn(this.documented, alias) ? undefined : this.registered.get(alias)?.registeredBy
  }

  *[Symbol.iterator](): IterableIterator<readonly [alias: string, model: Model]> {
    for (const [alias, { model }] of this.registered) {
      yield [alias, Object.hasOwn(this.documented, alias) ? this.documented[alias]! : model]
    }
    for (const alias of Object.keys(this.documented)) {
      if (!this.registered.has(alias)) yield [alias, this.documented[alias]!]
    }
  }
}

/** Returns the event of each alias that differs: removed aliases first. */
export const modelEvents = (before: ModelTable, after: ModelTable): ReadonlyArray<ModelEvent> => {
  const removed: Array<ModelEvent> = []
  const present: Array<ModelEvent> = []
  for (const alias of candidates(before, after)) {
    const old = before.get(alias)
    const model = after.get(alias)
    if (model === old) continue
    if (model === undefined) removed.push(new ModelRemoved(describe(alias, old!)))
    else if (old === undefined) present.push(new ModelAdded(describe(alias, model)))
    else {
      const [first, ...rest] = changedFields(old, model)
      if (first !== undefined) present.push(new ModelChanged({ ...describe(alias, model), changed: [first, ...rest] }))
    }
  }
  return [...removed, ...present]
}

/** Returns the aliases whose model may differ. Unchanged models keep their identity from one document to the next. */
const candidates = (before: ModelTable, after: ModelTable): ReadonlySet<string> => {
  const found = new Set<string>()
  if (before.registered !== after.registered) {
    for (const [alias, { model }] of before.registered) {
      if (after.registered.get(alias)?.model !== model) found.add(alias)
    }
    for (const alias of after.registered.keys()) if (!before.registered.has(alias)) found.add(alias)
  }
  if (before.documented !== after.documented) {
    for (const alias of differingKeys(before.documented, after.documented)) found.add(alias)
  }
  return found
}

const differingKeys = (before: ModelsByAlias, after: ModelsByAlias): ReadonlyArray<string> => {
  const was = membersOf(before)
  const is = membersOf(after)
  const differing = is.keys.filter((alias, index) => {
    const old = was.keys[index] === alias ? was.values[index] : Object.hasOwn(before, alias) ? before[alias] : undefined
    return old !== is.values[index]
  })
  // Records with the same aliases share the list of them.
  return was.keys === is.keys ? differing : [...differing, ...was.keys.filter((alias) => !Object.hasOwn(after, alias))]
}

/** The registered models change with the registrations only, not with the document. */
const registeredCache = new WeakMap<ReadonlyArray<Registration>, ReadonlyMap<string, RegisteredModel>>()

const registeredModels = (registrations: ReadonlyArray<Registration>): ReadonlyMap<string, RegisteredModel> => {
  const known = registeredCache.get(registrations)
  if (known !== undefined) return known
  const models = new Map<string, RegisteredModel>()
  for (const { models: added, name } of registrations) {
    for (const alias of Object.keys(added)) models.set(alias, { model: added[alias]!, registeredBy: name })
  }
  registeredCache.set(registrations, models)
  return models
}

const describe = (alias: string, { enabled, provider, upstream }: Model) => ({ alias, provider, upstream, enabled })

const changedFields = (before: Model, after: Model): ReadonlyArray<ModelField> => {
  const changed: Array<ModelField> = []
  if (before.provider !== after.provider) changed.push("provider")
  if (before.upstream !== after.upstream) changed.push("upstream")
  if (before.enabled !== after.enabled) changed.push("enabled")
  if (!isSameSet(before.allowedKeys, after.allowedKeys)) changed.push("allowed_keys")
  return changed
}

/** Compares two lists of keys, in any order. */
const isSameSet = (before: ReadonlyArray<string>, after: ReadonlyArray<string>): boolean => {
  if (before === after) return true
  const [left, right] = [new Set(before), new Set(after)]
  return left.size === right.size && after.every((key) => left.has(key))
}
