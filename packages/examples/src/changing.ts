/** How a program reads its configuration and changes it. What a change does to the rest of the program is not its matter. */
import { changeSummary } from "@signalbox/core"
import { Effect } from "effect"
import { Cleaning, JanitorConfig } from "./janitor.ts"

/** One value. Within a request that holds a pin it is the one with which the request began. */
export const kept = Effect.map(Cleaning.get, ({ keep }) => keep)

/** Keeps one more. With `ifHash` nobody else's change is overwritten; without it the edit is applied to whatever stands there by now. */
export const keepOneMore = Effect.gen(function* () {
  const config = yield* JanitorConfig
  const { config: current, hash } = yield* config.snapshot
  const edits = [{ path: "/cleaning/keep", value: current.cleaning.keep + 1 }]
  const { changes } = yield* config.update(edits, { ifHash: hash })
  return changeSummary(changes)
}).pipe(
  // `Rejected`, `Conflict`, `Busy`, `SourceUnavailable` or `Unconfirmed`; the message says what to do.
  Effect.catchTag("ConfigStoreError", ({ message, reason }) => Effect.succeed(`${reason._tag}: ${message}`)),
)

/** The document before this one comes back, as a new change. */
export const undo = Effect.flatMap(JanitorConfig, (config) => config.undo)
