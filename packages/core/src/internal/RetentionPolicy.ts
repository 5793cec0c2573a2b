/** The schema of the retention policy. 0 keeps for ever. The wire names are those of copilot-api. */
import { Effect, Schema } from "effect"

const limit = (value: number) =>
  Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(value)),
    Schema.withConstructorDefault(Effect.succeed(value)),
  )

export const RetentionPolicySchema = Schema.Struct({
  /** Usage entries and their roll-ups. */
  ledgerDays: limit(60),
  ledgerMaxBytes: limit(1_073_741_824),
  /** Accepted documents. The newest always stays. The source has its own bounds as well (`HistoryBounds`). */
  historyDays: limit(0),
  historyMaxEntries: limit(100),
  /** Events of the journal. */
  eventsDays: limit(60),
  tracesDays: limit(60),
  tracesMaxBytes: limit(104_857_600),
}).pipe(
  Schema.encodeKeys({
    ledgerDays: "ledger_days",
    ledgerMaxBytes: "ledger_max_bytes",
    historyDays: "history_days",
    historyMaxEntries: "history_max_entries",
    eventsDays: "events_days",
    tracesDays: "traces_days",
    tracesMaxBytes: "traces_max_bytes",
  }),
)
