/** What the ledger tells the world. Entries hold no secrets: a key is named by its id. */
import { Schema } from "effect"
import * as Event from "./Event.ts"
import { LedgerEntry } from "./LedgerEntry.ts"

/** One call was recorded by this process. Ephemeral, and made only while somebody listens. */
export class StatsRecorded extends Event.Class<StatsRecorded>()(
  "stats.recorded",
  { entry: LedgerEntry },
  { durable: false },
) {}

/** Entries cannot be written and wait in memory; said once per minute. `reason` is `ENOSPC`, `EACCES`, `EIO` … */
export class StatsDegraded extends Event.Class<StatsDegraded>()("stats.degraded", { reason: Schema.String }) {}

/** Segments of past hours were folded into roll-ups by this process. */
export class StatsCompacted extends Event.Class<StatsCompacted>()("stats.compacted", {
  segments: Schema.Int,
  entries: Schema.Int,
}) {}
