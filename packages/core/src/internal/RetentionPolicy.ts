/** How long which store keeps what. 0 keeps for ever. The names of the wire are those of copilot-api, and in their manner. */
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
  /** Accepted documents; the newest always stays, and the source has bounds of its own (`HistoryBounds`). */
  historyDays: limit(0),
  historyMaxEntries: limit(100),
  /** Journalled events. */
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
