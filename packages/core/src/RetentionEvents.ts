/** What retention tells the world. */
import { Schema } from "effect"
import * as Event from "./Event.ts"
import { RetentionPolicySchema } from "./internal/RetentionPolicy.ts"

/** Another policy is in force; the stores that it concerns are swept at once. */
export class RetentionChanged extends Event.Class<RetentionChanged>()("retention.changed", {
  policy: RetentionPolicySchema,
}) {}

/** A store was swept, to its end or until a newer policy stopped it. Only if something was deleted, or if it was a dry run. */
export class RetentionSwept extends Event.Class<RetentionSwept>()("retention.swept", {
  store: Schema.String,
  /** Whatever the store counts: documents, segments. */
  deleted: Schema.Int,
  bytes: Schema.Int,
  durationMillis: Schema.Int,
  dryRun: Schema.Boolean,
}) {}
