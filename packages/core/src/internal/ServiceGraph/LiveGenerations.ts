/** The live generations of a graph: the current one, those that requests still hold, and their release. */
import { Clock, type Context, type Duration, Effect, Exit, Fiber, Scope } from "effect"
import { type BuiltGeneration, DrainLimitReached, type PinHolder } from "./BuiltGeneration.ts"
import { instancesOf } from "./Plan.ts"

/** The most generations of one graph that live at the same time. */
export const maxLive = 16

export interface LiveGenerations extends PinHolder {
  /** Oldest first. */
  readonly all: ReadonlySet<BuiltGeneration>
  /** Makes the candidate current and retires the one before, in one synchronous step. */
  readonly serve: (built: BuiltGeneration) => void
  /** Releases the retired generation after its last pin; by force at the drain limit, or if more than 16 generations live. */
  readonly afterCommit: (retired: BuiltGeneration | undefined) => void
}

export const makeLiveGenerations = (options: {
  readonly graph: string
  readonly drain: Duration.Duration
  /** For the background fibers, which end when the Scope closes. */
  readonly context: Context.Context<never>
  readonly scope: Scope.Scope
}): Effect.Effect<LiveGenerations> =>
  Effect.gen(function* () {
    const { context, drain, graph, scope } = options
    const clock = yield* Clock.Clock
    const all = new Set<BuiltGeneration>()

    const fork = (effect: Effect.Effect<void>) => Fiber.runIn(Effect.runForkWith(context)(effect), scope)

    const release = (built: BuiltGeneration): void => {
      if (built.state === "released") return
      if (built.state === "retired") markReleased(built, clock.currentTimeMillisUnsafe())
      built.state = "released"
      all.delete(built)
      built.timer?.interruptUnsafe()
      // Not in the turn of the request or the change that released it.
      built.releasing = fork(Effect.uninterruptible(Effect.andThen(Effect.yieldNow, closing(built))))
    }

    const force = (built: BuiltGeneration): void => {
      built.forced = new DrainLimitReached({ graph, generation: built.generation.number })
      release(built)
    }

    const live: LiveGenerations = {
      all,
      current: undefined,
      release,
      serve: (built) => {
        const now = clock.currentTimeMillisUnsafe()
        if (live.current !== undefined) {
          live.current.state = "retired"
          live.current.retiredAt = now
        }
        built.state = "current"
        built.since = now
        all.add(built)
        live.current = built
      },
      afterCommit: (retired) => {
        if (retired?.state === "retired") {
          if (retired.pins === 0) release(retired)
          else
            retired.timer = fork(
              Effect.andThen(
                Effect.sleep(drain),
                Effect.sync(() => force(retired)),
              ),
            )
        }
        for (const oldest of [...all].slice(0, Math.max(0, all.size - maxLive))) force(oldest)
      },
    }
    return live
  })

/** Marks every instance. Those that no other generation holds are released next, and then report this. */
const markReleased = ({ forced, generation, plan, retiredAt }: BuiltGeneration, now: number): void => {
  const drainedMillis = Math.max(0, now - retiredAt)
  const release = { generation: generation.number, drainedMillis, forced: forced !== undefined }
  for (const instance of instancesOf(plan)) instance.released = release
}

const closing = (built: BuiltGeneration): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { forced, onForced, scope } = built
    const close = Scope.close(scope, Exit.void)
    if (forced === undefined) return close
    // Waking the requests ends their pins.
    const message = forcedMessage(forced, built.pins)
    for (const wake of onForced) wake(forced)
    return Effect.andThen(Effect.logWarning(message), close)
  })

/** Each released instance has an event, but newer generations may hold all instances of this one. */
const forcedMessage = ({ generation, graph }: DrainLimitReached, pins: number): string =>
  `Generation ${generation} of ${graph} was released by force: ${pins} ${pins === 1 ? "request" : "requests"} still held it`
