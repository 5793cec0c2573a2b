/** One generation of a graph with its services, and the pins that hold it. */
import { Context, type Fiber, Schema, type Scope } from "effect"
import { type Generation, type Pinned, PinnedValues } from "../../Reconciler.ts"
import type { Plan } from "./Plan.ts"

/** The generation that this stream pinned was released by force: it was replaced longer ago than the drain limit, or too many generations were live. */
export class DrainLimitReached extends Schema.TaggedError<DrainLimitReached>()("DrainLimitReached", {
  graph: Schema.String,
  generation: Schema.Int,
}) {
  override get message(): string {
    return `generation ${this.generation} of ${this.graph} was released while this request still held it; start the request again`
  }
}

export class BuiltGeneration {
  readonly generation: Generation
  readonly plan: Plan
  /** Holds references to the instances. */
  readonly scope: Scope.Closeable
  /** One for each node, by the key of the node. */
  services: ReadonlyArray<readonly [key: string, service: unknown]> = []
  /** The same services. */
  context: Context.Context<any> = Context.makeUnsafe<any>(new Map())
  /** The fiber that pinned last; its context after it has pinned twice; that context with the services after it has pinned again in it. */
  lastFiber = -1
  lastContext: Context.Context<any> | undefined = undefined
  lastEntered: Context.Context<any> | undefined = undefined
  /** `candidate` until its commit; `current` until the next; `retired` until the last pin ends; then `released`. */
  state: "candidate" | "current" | "retired" | "released" = "candidate"
  pins = 0
  /** Milliseconds since 1970. */
  since = 0
  retiredAt = 0
  /** Set when the generation is released by force. */
  forced: DrainLimitReached | undefined = undefined
  /** Called when it is released by force. */
  readonly onForced = new Set<(reason: DrainLimitReached) => void>()
  /** Releases it by force when the drain limit is reached. */
  timer: Fiber.Fiber<void> | undefined = undefined
  /** Closes the scope. */
  releasing: Fiber.Fiber<void> | undefined = undefined

  constructor(generation: Generation, plan: Plan, scope: Scope.Closeable) {
    this.generation = generation
    this.plan = plan
    this.scope = scope
  }
}

/** The owner of the current generation. Releases a retired one after its last pin. */
export interface PinHolder {
  current: BuiltGeneration | undefined
  readonly release: (built: BuiltGeneration) => void
}

/** One request's hold on a generation. */
export class Pin implements Pinned {
  readonly holder: PinHolder
  /** The pin of another graph around this one. */
  readonly outer: Pin | undefined
  /** `undefined` once the pin has ended. */
  built: BuiltGeneration | undefined

  constructor(holder: PinHolder, built: BuiltGeneration, outer: Pin | undefined) {
    this.holder = holder
    this.built = built
    this.outer = outer
  }

  get values(): ReadonlyMap<string, unknown> | undefined {
    return this.built?.generation.values
  }

  /** The generations that this pin and the pins around it hold. */
  get held(): ReadonlyArray<BuiltGeneration> {
    const around = this.outer?.held ?? []
    return this.built === undefined ? around : [this.built, ...around]
  }

  /** Idempotent. */
  end(): void {
    const { built } = this
    if (built === undefined) return
    this.built = undefined
    if (--built.pins === 0 && built.state === "retired") this.holder.release(built)
  }

  /** Adds the generation's services and values to the ambient context. */
  enter(ambient: Context.Context<any>, fiberId: number): Context.Context<any> {
    const { built } = this
    return Context.addUnsafe(
      built === undefined ? ambient : withServices(built, ambient, fiberId),
      PinnedValues.key,
      this,
    )
  }
}

// A context copies its whole map for every eight services put over it.
const maxOverlays = 8

/**
 * A fiber that pins repeatedly in the same context, as the loop of a worker does, reuses the merged context. Each request has a context of its
 * own: a cache would only cost time, and would keep the services of the request alive.
 */
const withServices = (built: BuiltGeneration, ambient: Context.Context<any>, fiberId: number): Context.Context<any> => {
  if (built.lastFiber === fiberId && built.lastContext === ambient) {
    built.lastEntered ??= Context.merge(ambient, built.context)
    return built.lastEntered
  }
  built.lastContext = built.lastFiber === fiberId ? ambient : undefined
  built.lastEntered = undefined
  built.lastFiber = fiberId
  if (built.services.length > maxOverlays) return Context.merge(ambient, built.context)
  let entered = ambient
  for (const [key, service] of built.services) entered = Context.addUnsafe(entered, key, service)
  return entered
}

/**
 * Pins the current generation, or the generation of a live pin of the same graph around it, so that nested calls of a request see one
 * generation. A pin that has ended is ignored: a detached fiber that takes a pin of its own gets the current generation.
 */
export const takePin = (holder: PinHolder, ambient: Context.Context<never>): Pin | undefined => {
  const around = Context.getOrUndefined(ambient, PinnedValues)
  let outer = around instanceof Pin ? around : undefined
  // Ended pins are left out: detached fibers that pin in turn would grow a chain of them.
  while (outer !== undefined && !isLive(outer)) outer = outer.outer
  let same = outer
  while (same !== undefined && !(same.holder === holder && isLive(same))) same = same.outer
  const built = same?.built ?? holder.current
  if (built === undefined) return undefined
  built.pins++
  return new Pin(holder, built, outer)
}

const isLive = ({ built }: Pin): boolean => built !== undefined && built.state !== "released"
