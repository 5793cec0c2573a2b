/** The events of Retention. */
import { Schema } from "effect"
import * as Event from "./Event.ts"
import { RetentionPolicySchema } from "./internal/RetentionPolicy.ts"

/** Another policy is in force. Retention sweeps the stores whose limits changed at once. */
export class RetentionChanged extends Event.Class<RetentionChanged>()("retention.changed", {
  policy: RetentionPolicySchema,
}) {}

/** A sweep of a store ended, or a newer policy stopped it. Published if the sweep deleted something or was a dry run. */
export class RetentionSwept extends Event.Class<RetentionSwept>()("retention.swept", {
  store: Schema.String,
  /** In the store's own units, such as documents or segments. */
  deleted: Schema.Int,
  bytes: Schema.Int,
  durationMillis: Schema.Int,
  dryRun: Schema.Boolean,
}) {}
