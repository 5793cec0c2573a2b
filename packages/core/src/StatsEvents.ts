/** The events of the StatsLedger. Entries hold no secrets: they name a key by its id. */
import { Schema } from "effect"
import * as Event from "./Event.ts"
import { LedgerEntry } from "./LedgerEntry.ts"

/** This process recorded one call. The event is ephemeral, and is published only if it has a subscriber. */
export class StatsRecorded extends Event.Class<StatsRecorded>()(
  "stats.recorded",
  { entry: LedgerEntry },
  { durable: false },
) {}

/** Entries cannot be written and wait in memory. Published at most once per minute. `reason` is `ENOSPC`, `EACCES`, `EIO` … */
export class StatsDegraded extends Event.Class<StatsDegraded>()("stats.degraded", { reason: Schema.String }) {}

/** This process compacted segments of past hours into roll-ups. */
export class StatsCompacted extends Event.Class<StatsCompacted>()("stats.compacted", {
  segments: Schema.Int,
  entries: Schema.Int,
}) {}
