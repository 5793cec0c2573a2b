/** The three ways to pin a generation: for an effect, for a stream, until a Scope closes. */
import { Channel, Context, Effect, Exit, Fiber, Scope, Stream } from "effect"
import type * as Pull from "effect/Pull"
import { PinnedValues } from "../../Reconciler.ts"
import { type DrainLimitReached, Pin, takePin } from "./BuiltGeneration.ts"
import type { Engine } from "./Engine.ts"

/**
 * Takes the pin while the context changes, when the handler that ends the pin is already installed: an interrupt comes before both or after
 * both. Every request runs this, so it has no mask, no Scope and no span.
 */
export const provideEffect = <A, E, R>(engine: Engine, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, any> =>
  Effect.withFiber((fiber) => {
    if (engine.live.current === undefined) return Effect.andThen(engine.ready, provideEffect(engine, effect))
    let pin: Pin | undefined
    return Effect.onExitPrimitive(
      Effect.updateContext(effect, (ambient: Context.Context<any>) => {
        pin = takePin(engine.live, ambient)
        return pin === undefined ? ambient : pin.enter(ambient, fiber.id)
      }),
      () => {
        pin?.end()
        return undefined
      },
    )
  })

/** Holds the pin from the start of the stream to its end. Ends its pulls when the generation is released by force. */
export const provideStream = <A, E, R>(engine: Engine, stream: Stream.Stream<A, E, R>): Stream.Stream<A, E, any> =>
  Stream.fromChannel(
    Channel.fromTransformBracket((upstream, scope, forked) =>
      Effect.gen(function* () {
        const pin = yield* Scope.provide(engine.pin, forked)
        const enter = entering(pin)
        const pull = yield* Effect.updateContext(Channel.toTransform(stream.channel)(upstream, scope), enter)
        return untilForced(Effect.updateContext(pull, enter), pin)
      }),
    ),
  )

// NaN equals no fiber id: the merged context is not cached.
const noFiber = Number.NaN

/** All pulls of a stream run in the same context, one after another. */
const entering = (pin: Pin) => {
  let last: readonly [ambient: Context.Context<any>, entered: Context.Context<any>] | undefined
  return (ambient: Context.Context<any>): Context.Context<any> => {
    if (last?.[0] !== ambient) last = [ambient, pin.enter(ambient, noFiber)]
    return last[1]
  }
}

/** Runs the pull in a fiber of its own, so that it can end without ending the consumer's fiber. Most pulls complete at once. */
const untilForced = <A, E, D, R>(pull: Pull.Pull<A, E, D, R>, pin: Pin): Pull.Pull<A, E, D, R> =>
  Effect.withFiber((fiber) => {
    const run = Effect.runForkWith(fiber.context as Context.Context<R>)
    return Effect.callback((resume) => {
      const { built } = pin
      if (built === undefined || built.forced !== undefined) return resume(ended(built?.forced))
      const child = run(pull)
      const end = (reason: DrainLimitReached) => resume(Effect.andThen(Fiber.interrupt(child), ended(reason)))
      child.addObserver((exit) => {
        built.onForced.delete(end)
        resume(exit)
      })
      if (child.pollUnsafe() !== undefined) return
      built.onForced.add(end)
      return Effect.suspend(() => {
        built.onForced.delete(end)
        return Fiber.interrupt(child)
      })
    })
  })

// The error type of the stream does not include this reason.
const ended = (reason: DrainLimitReached | undefined): Effect.Effect<never> =>
  reason === undefined ? Effect.interrupt : Effect.die(reason)

/** The context of a pin: its services, and the values that settings read. */
export const contextOf = (pin: Pin): Context.Context<any> => pin.enter(Context.empty() as Context.Context<any>, noFiber)

/** Fails when a generation that this fiber has pinned is released by force, which closes the services in use. Otherwise it never ends. */
export const drained: Effect.Effect<never, DrainLimitReached> = Effect.flatMap(PinnedValues, (pin) =>
  Effect.callback((resume) => {
    const held = pin instanceof Pin ? pin.held : []
    const end = (reason: DrainLimitReached) => resume(Exit.fail(reason))
    for (const { forced } of held) if (forced !== undefined) return end(forced)
    for (const { onForced } of held) onForced.add(end)
    return Effect.sync(() => {
      for (const { onForced } of held) onForced.delete(end)
    })
  }),
)
