/** The events of one burst. */
import { ModelAdded } from "@signalbox/core/ModelEvents"

export const perBurst = 100
/** Only the last event of a burst contains it. */
export const marker = "the-last-of-the-burst"

export const burst: ReadonlyArray<ModelAdded> = Array.from(
  { length: perBurst },
  (_, n) =>
    new ModelAdded({
      alias: n === perBurst - 1 ? marker : `model-${n}`,
      provider: "openai",
      upstream: "gpt-4.1-mini-2025-04-14",
      enabled: true,
    }),
)
