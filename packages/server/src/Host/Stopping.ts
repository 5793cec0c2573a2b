/** That this host stops: whoever answers without end, as event feeds do, ends then. */
import { Context, Effect, Latch, Layer } from "effect"

/** Returns once the host stops. Never, where there is none. */
export const Stopping: Context.Reference<Effect.Effect<void>> = Context.Reference("@signalbox/server/Stopping", {
  defaultValue: (): Effect.Effect<void> => Effect.never,
})

export class StopSwitch extends Context.Service<StopSwitch, { readonly stop: Effect.Effect<void> }>()(
  "@signalbox/server/StopSwitch",
) {
  /** With `Stopping` for those above it. */
  static readonly layer: Layer.Layer<StopSwitch> = Layer.effectContext(
    Effect.sync(() => {
      const latch = Latch.makeUnsafe(false)
      return Context.make(StopSwitch, { stop: Effect.asVoid(latch.open) }).pipe(Context.add(Stopping, latch.await))
    }),
  )
}
