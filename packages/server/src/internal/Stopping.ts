/** That this host stops: whoever answers without end, as event feeds do, says so and ends then. */
import type { ServerResponse } from "node:http"
import { Context, Effect, Latch, Layer } from "effect"

/** Returns once the host stops. Never, where there is none. */
export const Stopping: Context.Reference<Effect.Effect<void>> = Context.Reference("@signalbox/server/Stopping", {
  defaultValue: (): Effect.Effect<void> => Effect.never,
})

/** To be told of each answer that never ends by itself: nobody waits for it when the host stops. */
export const EndlessResponse: Context.Reference<(response: ServerResponse) => void> = Context.Reference(
  "@signalbox/server/EndlessResponse",
  { defaultValue: () => (_response: ServerResponse) => {} },
)

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
