/** The table of models: the one place where settings and registrations become what callers can name, and where two tables are compared. */
import { ModelAdded, ModelChanged, type ModelEvent, type ModelField, ModelRemoved } from "../ModelEvents.ts"
import type { Model, ModelsByAlias, Registration } from "../ModelSettings.ts"

/** Every alias with its model. Immutable. */
export type ModelTable = ReadonlyMap<string, Model>

/**
 * The registrations in their order, a later one over an earlier; the document over all of them, so that who writes it has the last word:
 * an alias named there is what the document says, whoever else registers it. The same inputs answer the same table.
 */
export const modelTable = (settings: ModelsByAlias, registrations: ReadonlyArray<Registration>): ModelTable => {
  const known = tables.get(settings) ?? new WeakMap<ReadonlyArray<Registration>, ModelTable>()
  tables.set(settings, known)
  const table = known.get(registrations) ?? makeTable(settings, registrations)
  known.set(registrations, table)
  return table
}

/** Who an alias of the table has its model from: a registration's name, or `undefined` for the document. */
export const registeredBy = (
  settings: ModelsByAlias,
  registrations: ReadonlyArray<Registration>,
  alias: string,
): string | undefined =>
  Object.hasOwn(settings, alias)
    ? undefined
    : registrations.findLast((registration) => Object.hasOwn(registration.models, alias))?.name

/** What happened to each alias that differs. */
export const modelEvents = (before: ModelTable, after: ModelTable): ReadonlyArray<ModelEvent> => {
  if (before === after) return []
  const events: Array<ModelEvent> = []
  for (const [alias, model] of before) {
    if (!after.has(alias)) events.push(new ModelRemoved(describe(alias, model)))
  }
  for (const [alias, model] of after) {
    const old = before.get(alias)
    // Unchanged subtrees keep their identity from one document to the next.
    if (old === model) continue
    if (old === undefined) events.push(new ModelAdded(describe(alias, model)))
    else {
      const [first, ...rest] = changedFields(old, model)
      if (first !== undefined) events.push(new ModelChanged({ ...describe(alias, model), changed: [first, ...rest] }))
    }
  }
  return events
}

// The Models node, the events of a commit and every listing ask for the same table; it goes with its inputs.
const tables = new WeakMap<ModelsByAlias, WeakMap<ReadonlyArray<Registration>, ModelTable>>()

const makeTable = (settings: ModelsByAlias, registrations: ReadonlyArray<Registration>): ModelTable => {
  const table = new Map<string, Model>()
  for (const models of [...registrations.map((registration) => registration.models), settings]) {
    for (const alias of Object.keys(models)) table.set(alias, models[alias]!)
  }
  return table
}

const describe = (alias: string, { enabled, provider, upstream }: Model) => ({ alias, provider, upstream, enabled })

const changedFields = (before: Model, after: Model): ReadonlyArray<ModelField> => {
  const changed: Array<ModelField> = []
  if (before.provider !== after.provider) changed.push("provider")
  if (before.upstream !== after.upstream) changed.push("upstream")
  if (before.enabled !== after.enabled) changed.push("enabled")
  if (!sameKeys(before.allowedKeys, after.allowedKeys)) changed.push("allowed_keys")
  return changed
}

/** The same keys may use it, in whatever order they are written. */
const sameKeys = (before: ReadonlyArray<string>, after: ReadonlyArray<string>): boolean => {
  if (before === after) return true
  const [left, right] = [new Set(before), new Set(after)]
  return left.size === right.size && after.every((key) => left.has(key))
}
