/**
 * Builds the new instances of a plan, in parallel, each as soon as its inputs are ready. An instance holds references to the instances that it
 * was built from, so that it is always released before them. Its finalizers run when the last reference is gone.
 */
import { Cause, Clock, Context, Data, Duration, Effect, type Exit, Layer, Option, RcMap, Scope } from "effect"
import { type Pinned, PinnedValues, PrepareDeadline } from "../../Reconciler.ts"
import { CurrentChange, joinChange } from "../ChangeQueue.ts"
import type { BuiltGeneration } from "./BuiltGeneration.ts"
import { Instance, type Plan } from "./Plan.ts"
import type { Releases } from "./Releases.ts"

/** All failures of one attempt. */
export class BuildFailed extends Data.TaggedError("BuildFailed")<{
  readonly plan: Plan
  readonly failures: ReadonlyArray<Failure>
}> {}

export interface Failure {
  readonly instance: Instance
  readonly cause: Cause.Cause<unknown>
}

/** An instance cannot be built because another one failed, which reports the reason. */
class UpstreamFailed extends Data.TaggedError("UpstreamFailed")<{}> {}

export interface Builder {
  /** Fills the candidate. The caller must release it, also if this fails or is interrupted. */
  readonly build: (candidate: BuiltGeneration) => Effect.Effect<void, BuildFailed>
  /** The number of instances that are ready or being built. */
  readonly size: Effect.Effect<number>
}

export const makeBuilder = (options: {
  /** The services that the layers need in addition to nodes. */
  readonly context: Context.Context<any>
  readonly releases: Releases
}): Effect.Effect<Builder, never, Scope.Scope> =>
  Effect.gen(function* () {
    const make = (instance: Instance): Effect.Effect<unknown, unknown, Scope.Scope> =>
      instance.recipe._tag === "collection"
        ? gather(instance, instance.recipe.members)
        : makeService(instance, instance.recipe)

    const gather = Effect.fnUntraced(function* (instance: Instance, members: ReadonlyMap<string, Instance>) {
      const services = new Map<string, unknown>()
      for (const [key, member] of members) services.set(key, yield* get(member))
      instance.state = "ready"
      return services
    })

    const makeService = Effect.fnUntraced(function* (instance: Instance, recipe: LayerRecipe) {
      yield* joinChange
      const needed = instance.inputs.slice(instance.inputs.length - instance.needs.length)
      const services = new Map<string, unknown>()
      const values = new Map<string, unknown>()
      for (const [index, need] of instance.needs.entries()) {
        const input = needed[index]
        if (input instanceof Instance) services.set(need.key, yield* get(input))
        else values.set(need.key, input)
      }
      instance.state = "building"
      const started = yield* Clock.currentTimeMillis
      const scope = yield* Scope.make()
      yield* Effect.addFinalizer(() => options.releases.release(instance, scope))
      // Only its own inputs: a long-lived service must not keep all values of a generation alive.
      const pinned: Pinned = { values }
      const context = options.context.pipe(
        Context.merge(Context.makeUnsafe<any>(services)),
        Context.add(PinnedValues, pinned),
        Context.add(CurrentChange, yield* CurrentChange),
        Context.add(Scope.Scope, scope),
      )
      const built = yield* Effect.suspend(() =>
        Layer.buildWithMemoMap(recipe.layer(), Layer.makeMemoMapUnsafe(), scope),
      ).pipe(Effect.setContext(context))
      instance.buildMillis = (yield* Clock.currentTimeMillis) - started
      instance.state = "ready"
      return Context.getUnsafe(built, instance.key)
    })

    const instances = yield* RcMap.make({ lookup: make })
    const get = (instance: Instance): Effect.Effect<unknown, UpstreamFailed, Scope.Scope> =>
      Effect.catchCause(RcMap.get(instances, instance), (cause) =>
        Cause.hasInterruptsOnly(cause) ? Effect.interrupt : Effect.fail(new UpstreamFailed()),
      )

    const build: Builder["build"] = Effect.fnUntraced(function* (candidate) {
      const { nodes, fresh } = candidate.plan
      const deadline = Duration.fromInputUnsafe(yield* PrepareDeadline)
      const exits = new Map<Instance, Exit.Exit<unknown, unknown>>()
      const inTime = yield* Effect.forEach(
        fresh,
        (instance) => Effect.map(Effect.exit(RcMap.get(instances, instance)), (exit) => exits.set(instance, exit)),
        { concurrency: "unbounded", discard: true },
      ).pipe(Effect.timeoutOption(deadline), Scope.provide(candidate.scope))
      const failures = failuresIn(candidate.plan, exits)
      if (Option.isNone(inTime)) failures.push(...lateIn(candidate.plan, exits, deadline))
      if (failures.length > 0) return yield* new BuildFailed({ plan: candidate.plan, failures })
      candidate.services = yield* Effect.forEach(nodes, (node) =>
        Effect.map(get(node), (service) => [node.key.key, service] as const),
      ).pipe(Effect.orDie, Scope.provide(candidate.scope))
      candidate.context = Context.makeUnsafe(new Map(candidate.services))
    })

    return { build, size: Effect.map(RcMap.keys(instances), (keys) => Array.from(keys).length) }
  })

type Exits = ReadonlyMap<Instance, Exit.Exit<unknown, unknown>>

const failuresIn = ({ fresh }: Plan, exits: Exits): Array<Failure> =>
  fresh.flatMap((instance) => {
    const exit = exits.get(instance)
    if (exit === undefined || exit._tag === "Success" || exit.cause.reasons.some(isUpstream)) return []
    return [{ instance, cause: exit.cause }]
  })

const isUpstream = (reason: Cause.Reason<unknown>) => reason._tag === "Fail" && reason.error instanceof UpstreamFailed

/** The instances that are being built. Those that wait for another one are not late themselves. */
const lateIn = ({ fresh }: Plan, exits: Exits, deadline: Duration.Duration): Array<Failure> => {
  const unfinished = fresh.filter((instance) => !exits.has(instance))
  const building = unfinished.filter(({ state }) => state === "building")
  const cause = Cause.die(new Error(`was not ready within ${Duration.format(deadline)}`))
  return (building.length > 0 ? building : unfinished).map((instance) => ({ instance, cause }))
}

type LayerRecipe = Extract<Instance["recipe"], { readonly _tag: "layer" }>
