/**
 * The instances of a generation. An instance belongs to a node, or to one key of a collection, and to its inputs: setting values and instances
 * that it needs, compared by identity. While the inputs are the same, all generations share the instance.
 */
import { type Context, Equal, Hash, type Layer } from "effect"

export type AnyKey = Context.Key<any, any>
export type AnyLayer = Layer.Layer<any, any, any>

/** The arguments of `node` and `each`, whose types are checked there. */
export interface Declaration {
  readonly provides: AnyKey
  readonly needs: ReadonlyArray<AnyKey>
  readonly layer: AnyLayer
  readonly each?: undefined
}
export interface EachDeclaration {
  readonly provides: AnyKey
  readonly needs: ReadonlyArray<AnyKey>
  readonly each: {
    readonly over: AnyKey
    readonly member: AnyKey
    readonly layer: (value: unknown, key: string) => AnyLayer
  }
}
export type AnyDeclaration = Declaration | EachDeclaration

/** How an instance is built: by a layer that provides its key, or as the map of the members. */
export type Recipe =
  | { readonly _tag: "layer"; readonly layer: () => AnyLayer }
  | { readonly _tag: "collection"; readonly members: ReadonlyMap<string, Instance> }

/** The release of the last generation that held an instance. */
export interface Release {
  readonly generation: number
  readonly drainedMillis: number
  readonly forced: boolean
}

export class Instance {
  readonly name: string
  /** The key that it provides. All members of a collection have the same. */
  readonly key: AnyKey
  readonly needs: ReadonlyArray<AnyKey>
  readonly recipe: Recipe
  /** One for each of its needs. A member's own value comes before them. */
  readonly inputs: ReadonlyArray<unknown>
  readonly generation: number
  state: "starting" | "building" | "ready" = "starting"
  buildMillis = 0
  released: Release | undefined = undefined

  constructor(
    name: string,
    key: AnyKey,
    needs: ReadonlyArray<AnyKey>,
    recipe: Recipe,
    inputs: ReadonlyArray<unknown>,
    generation: number,
  ) {
    this.name = name
    this.key = key
    this.needs = needs
    this.recipe = recipe
    this.inputs = inputs
    this.generation = generation
  }

  // Instances are keys of a map, compared by identity.
  [Equal.symbol](that: unknown): boolean {
    return this === that
  }
  [Hash.symbol](): number {
    return Hash.string(this.name)
  }
}

export interface Plan {
  /** One for each node, in the order of declaration. */
  readonly nodes: ReadonlyArray<Instance>
  /** The instances that the previous plan does not have, members included. */
  readonly fresh: ReadonlyArray<Instance>
}

export const makePlan = (
  declarations: ReadonlyArray<AnyDeclaration>,
  generation: number,
  valueOf: (key: AnyKey) => unknown,
  previous: Plan | undefined,
): Plan => {
  const fresh: Array<Instance> = []
  const provided = new Map<string, Instance>()
  const fill = (
    old: Instance | undefined,
    name: string,
    key: AnyKey,
    needs: ReadonlyArray<AnyKey>,
    recipe: Recipe,
    inputs: ReadonlyArray<unknown>,
  ): Instance => {
    if (old !== undefined && sameItems(old.inputs, inputs)) return old
    const instance = new Instance(name, key, needs, recipe, inputs, generation)
    fresh.push(instance)
    return instance
  }

  const fillCollection = (
    { each, needs, provides }: EachDeclaration,
    old: Instance | undefined,
    inputs: ReadonlyArray<unknown>,
  ): Instance => {
    const oldMembers = old?.recipe._tag === "collection" ? old.recipe.members : undefined
    const members = new Map<string, Instance>()
    for (const [key, value] of Object.entries(asRecord(valueOf(each.over)))) {
      const recipe: Recipe = { _tag: "layer", layer: () => each.layer(value, key) }
      members.set(
        key,
        fill(oldMembers?.get(key), `${provides.key}/${key}`, each.member, needs, recipe, [value, ...inputs]),
      )
    }
    // Another order of the same members is not a change: the collection keeps its order.
    if (old !== undefined && oldMembers !== undefined && sameMembers(oldMembers, members)) return old
    return fill(undefined, provides.key, provides, [each.over, ...needs], { _tag: "collection", members }, [])
  }

  const nodes = declarations.map((declaration, index) => {
    const { needs, provides } = declaration
    const old = previous?.nodes[index]
    const inputs = needs.map((need) => provided.get(need.key) ?? valueOf(need))
    const instance =
      declaration.each === undefined
        ? fill(old, provides.key, provides, needs, { _tag: "layer", layer: () => declaration.layer }, inputs)
        : fillCollection(declaration, old, inputs)
    provided.set(provides.key, instance)
    return instance
  })

  return { nodes, fresh }
}

/** All instances of a plan, members before their collection. */
export function* instancesOf(plan: Plan): Generator<Instance> {
  for (const node of plan.nodes) {
    if (node.recipe._tag === "collection") yield* node.recipe.members.values()
    yield node
  }
}

const sameItems = (left: ReadonlyArray<unknown>, right: ReadonlyArray<unknown>): boolean =>
  left.length === right.length && left.every((item, index) => Object.is(item, right[index]))

const sameMembers = (left: ReadonlyMap<string, Instance>, right: ReadonlyMap<string, Instance>): boolean => {
  if (left.size !== right.size) return false
  for (const [key, member] of right) if (left.get(key) !== member) return false
  return true
}

const asRecord = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? { ...value } : {}
