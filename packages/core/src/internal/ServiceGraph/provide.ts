/** The three ways to hold a generation: for an effect, for a stream, until a Scope closes. */
import { Channel, Context, Effect, Exit, Fiber, Scope, Stream } from "effect"
import type * as Pull from "effect/Pull"
import { PinnedValues } from "../../Reconciler.ts"
import { type DrainLimitReached, Pin, take } from "./Built.ts"
import type { Engine } from "./Engine.ts"

/**
 * The pin is taken while the context changes, when the handler that ends it stands already: an interrupt can come before both or after
 * both. No mask, no Scope: this is the path of every request.
 */
export const provideEffect = <A, E, R>(engine: Engine, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, any> =>
  Effect.withFiber((fiber) => {
    if (engine.live.current === undefined) return Effect.andThen(engine.ready, provideEffect(engine, effect))
    let pin: Pin | undefined
    return Effect.onExitPrimitive(
      Effect.updateContext(effect, (ambient: Context.Context<any>) => {
        pin = take(engine.live, ambient)
        return pin === undefined ? ambient : pin.enter(ambient, fiber.id)
      }),
      () => {
        pin?.end()
        return undefined
      },
    )
  })

/** The pin is held from the start of the stream until it ends, and its pulls are ended when the generation is released by force. */
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

// Equal to no other, itself included: nothing is kept for it.
const noFiber = Number.NaN

/** Pulls come in the same context, one after another. */
const entering = (pin: Pin) => {
  let last: readonly [ambient: Context.Context<any>, entered: Context.Context<any>] | undefined
  return (ambient: Context.Context<any>): Context.Context<any> => {
    if (last?.[0] !== ambient) last = [ambient, pin.enter(ambient, noFiber)]
    return last[1]
  }
}

/** The pull in a fiber of its own, so that it can be ended without ending the consumer's. Most pulls answer at once. */
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

// The stream's own error type has no place for it.
const ended = (reason: DrainLimitReached | undefined): Effect.Effect<never> =>
  reason === undefined ? Effect.interrupt : Effect.die(reason)

/** What a pin gives to whoever provides it: the services, and the values that settings answer with. */
export const contextOf = (pin: Pin): Context.Context<any> => pin.enter(Context.empty() as Context.Context<any>, noFiber)

/** Fails when a generation that this fiber has pinned is released by force, which closes its services under it; else never ends. */
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
