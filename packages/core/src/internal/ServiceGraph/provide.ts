/** Pins a generation for an effect, and as a context. */
import { Context, Effect } from "effect"
import { type Pin, takePin } from "./BuiltGeneration.ts"
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

// NaN equals no fiber id: the merged context is not cached.
export const noFiber = Number.NaN

/** The context of a pin: its services, and the values that settings read. */
export const contextOf = (pin: Pin): Context.Context<any> => pin.enter(Context.empty() as Context.Context<any>, noFiber)
