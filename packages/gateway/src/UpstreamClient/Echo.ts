/** Answers from the prompt, for trying things without a key. */
import { Effect } from "effect"
import type { Upstream } from "./Exchange.ts"

export const make = (name: string): Effect.Effect<Upstream> =>
  Effect.sync(() => ({
    provider: name,
    kind: "echo",
    chatCompletions: undefined,
    conceal: (text) => text,
    secret: undefined,
  }))
