/** Pins a generation for a stream. */
import { Channel, type Context, Effect, Fiber, Scope, Stream } from "effect"
import type * as Pull from "effect/Pull"
import type { DrainLimitReached, Pin } from "./BuiltGeneration.ts"
import type { Engine } from "./Engine.ts"
import { noFiber } from "./provide.ts"

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
