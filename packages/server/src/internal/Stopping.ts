/** Signals that the host stops, so that endless responses such as event feeds can end. */
import type { ServerResponse } from "node:http"
import { Context, Effect, Latch, Layer } from "effect"

/** Returns when the host stops. Without a host it never returns. */
export const Stopping: Context.Reference<Effect.Effect<void>> = Context.Reference("@signalbox/server/Stopping", {
  defaultValue: (): Effect.Effect<void> => Effect.never,
})

/** Closed while a host serves requests, until the last one has ended. */
export const Drained: Context.Reference<Latch.Latch> = Context.Reference("@signalbox/server/Drained", {
  defaultValue: () => Latch.makeUnsafe(true),
})

/** Marks a response that never ends by itself, so that a stopping host does not wait for it. */
export const EndlessResponse: Context.Reference<(response: ServerResponse) => void> = Context.Reference(
  "@signalbox/server/EndlessResponse",
  { defaultValue: () => (_response: ServerResponse) => {} },
)

export class StopSwitch extends Context.Service<StopSwitch, { readonly stop: Effect.Effect<void> }>()(
  "@signalbox/server/StopSwitch",
) {
  /** Also provides `Stopping`. */
  static readonly layer: Layer.Layer<StopSwitch> = Layer.effectContext(
    Effect.sync(() => {
      const latch = Latch.makeUnsafe(false)
      return Context.make(StopSwitch, { stop: Effect.asVoid(latch.open) }).pipe(Context.add(Stopping, latch.await))
    }),
  )
}
