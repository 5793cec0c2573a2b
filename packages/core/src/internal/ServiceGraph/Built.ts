/** One generation of a graph, and the pins that hold it. */
import { Context, type Fiber, Schema, type Scope } from "effect"
import { type Generation, type Pinned, PinnedValues } from "../../Reconciler.ts"
import type { Plan } from "./Plan.ts"

/** The generation that this stream held was released by force: it had been replaced for longer than the drain limit, or too many were live. */
export class DrainLimitReached extends Schema.TaggedError<DrainLimitReached>()("DrainLimitReached", {
  graph: Schema.String,
  generation: Schema.Int,
}) {
  override get message(): string {
    return `generation ${this.generation} of ${this.graph} was released while this request still held it; start the request again`
  }
}

export class Built {
  readonly generation: Generation
  readonly plan: Plan
  /** Holds the references to the instances. */
  readonly scope: Scope.Closeable
  /** One for each node, by its key. */
  services: ReadonlyArray<readonly [key: string, service: unknown]> = []
  /** The same. */
  context: Context.Context<any> = Context.makeUnsafe<any>(new Map())
  /** The fiber that pinned last; its context once it has pinned twice; that context with the services once it has come twice. */
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
  /** Called then. */
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

/** Who serves generations: takes and ends pins. */
export interface Holder {
  current: Built | undefined
  readonly release: (built: Built) => void
}

/** One request's hold on a generation. */
export class Pin implements Pinned {
  readonly holder: Holder
  /** Of another graph, around this one. */
  readonly outer: Pin | undefined
  /** `undefined` once the pin has ended. */
  built: Built | undefined

  constructor(holder: Holder, built: Built, outer: Pin | undefined) {
    this.holder = holder
    this.built = built
    this.outer = outer
  }

  get values(): ReadonlyMap<string, unknown> | undefined {
    return this.built?.generation.values
  }

  /** What this pin and those around it hold. */
  get held(): ReadonlyArray<Built> {
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

  /** The ambient context with the generation's services and values. */
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
 * A fiber that pins again and again in the same context, as the loop of a worker does, finds the one that was made for it. Requests come
 * each in a context of its own: for them a cache would only cost, and would keep what they held.
 */
const withServices = (built: Built, ambient: Context.Context<any>, fiberId: number): Context.Context<any> => {
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
 * Pins the current generation; within a live pin of the same graph that one's, so that a request sees one generation however deep it
 * nests. A pin that has ended counts for nothing: a detached fiber that takes one of its own gets the current generation.
 */
export const take = (holder: Holder, ambient: Context.Context<never>): Pin | undefined => {
  const around = Context.getOrUndefined(ambient, PinnedValues)
  let outer = around instanceof Pin ? around : undefined
  // Ended ones are left out, else detached fibers that pin in turn would grow a chain.
  while (outer !== undefined && !isLive(outer)) outer = outer.outer
  let same = outer
  while (same !== undefined && !(same.holder === holder && isLive(same))) same = same.outer
  const built = same?.built ?? holder.current
  if (built === undefined) return undefined
  built.pins++
  return new Pin(holder, built, outer)
}

const isLive = ({ built }: Pin): boolean => built !== undefined && built.state !== "released"
