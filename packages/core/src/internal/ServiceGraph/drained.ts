/** Lets a request notice that its generation was released by force. */
import { Effect, Exit } from "effect"
import { PinnedValues } from "../../Reconciler.ts"
import { type DrainLimitReached, Pin } from "./BuiltGeneration.ts"

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
