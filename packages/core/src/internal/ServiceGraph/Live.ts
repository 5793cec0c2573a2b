/** The generations that live: the one that serves, those that requests still hold, and how they are let go. */
import { Clock, type Context, type Duration, Effect, Exit, Fiber, Scope } from "effect"
import { type Built, DrainLimitReached, type Holder } from "./Built.ts"
import { instancesOf } from "./Plan.ts"

/** Generations of one graph that live at once. */
export const maxLive = 16

export interface Live extends Holder {
  /** Oldest first. */
  readonly all: ReadonlySet<Built>
  /** The candidate serves, the one before retires: one synchronous step. */
  readonly serve: (built: Built) => void
  /** What follows from it: the retired one is let go as soon as nobody holds it, by force at the drain limit or beyond 16 generations. */
  readonly settle: (retired: Built | undefined) => void
}

export const makeLive = (options: {
  readonly graph: string
  readonly drain: Duration.Duration
  /** For what runs in the background, until the Scope closes. */
  readonly context: Context.Context<never>
  readonly scope: Scope.Scope
}): Effect.Effect<Live> =>
  Effect.gen(function* () {
    const { context, drain, graph, scope } = options
    const clock = yield* Clock.Clock
    const all = new Set<Built>()

    const fork = (effect: Effect.Effect<void>) => Fiber.runIn(Effect.runForkWith(context)(effect), scope)

    const release = (built: Built): void => {
      if (built.state === "released") return
      if (built.state === "retired") say(built, clock.currentTimeMillisUnsafe())
      built.state = "released"
      all.delete(built)
      built.timer?.interruptUnsafe()
      // Not in the turn of the request or the change that happened to be the last.
      built.releasing = fork(Effect.uninterruptible(Effect.andThen(Effect.yieldNow, closing(built))))
    }

    const force = (built: Built): void => {
      built.forced = new DrainLimitReached({ graph, generation: built.generation.number })
      release(built)
    }

    const live: Live = {
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
      settle: (retired) => {
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

/** Those of its instances that nobody else holds will be let go with it: they say so themselves. */
const say = ({ forced, generation, plan, retiredAt }: Built, now: number): void => {
  const drainedMillis = Math.max(0, now - retiredAt)
  const letGo = { generation: generation.number, drainedMillis, forced: forced !== undefined }
  for (const instance of instancesOf(plan)) instance.letGo = letGo
}

const closing = (built: Built): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { forced, onForced, scope } = built
    const close = Scope.close(scope, Exit.void)
    if (forced === undefined) return close
    const said = saidOf(forced, built.pins)
    for (const wake of onForced) wake(forced)
    return Effect.andThen(Effect.logWarning(said), close)
  })

/** An event says it of each instance that goes, but newer generations may hold all of them. */
const saidOf = ({ generation, graph }: DrainLimitReached, pins: number): string =>
  `Generation ${generation} of ${graph} was released by force: ${pins} ${pins === 1 ? "request" : "requests"} still held it`
