/**
 * The feed of events over Server-Sent Events: one order for all clients, resumable by `Last-Event-ID` or `after`. Events that a client has
 * lost appear in the stream as a `gap`.
 */
import { CloudEvent } from "@signalbox/core/Event"
import { Gap } from "@signalbox/core/EventBus"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { TooManyStreams } from "./Problems.ts"

/** The SSE event name of a `Gap`; its data is `{ from, to, reason, missing? }` with cursors as text. */
export const gapName = "gap"

/** A `Gap` on the wire. */
export const WireGap = Schema.Struct({
  from: Schema.String,
  to: Schema.String,
  reason: Gap.fields.reason,
  missing: Schema.optionalKey(Schema.Int),
})

/**
 * One message of the feed. `id` is the cursor, for a gap the position after it; `event` is the type or `gap`; `data` is a CloudEvents 1.0
 * object or the gap.
 */
export const FeedItem = Schema.Struct({
  id: Schema.optionalKey(Schema.String),
  event: Schema.String,
  data: Schema.fromJsonString(Schema.Union([CloudEvent, WireGap])),
})
export type FeedItem = typeof FeedItem.Type

/** `/api/events`. */
export class EventsGroup extends HttpApiGroup.make("events")
  .add(
    HttpApiEndpoint.get("follow", "/events", {
      query: {
        /** Comma-separated types. Without it the feed has all types. */
        types: Schema.optionalKey(Schema.String),
        /** A cursor: kept events after it come first. `Last-Event-ID` has the same meaning and precedence over it. */
        after: Schema.optionalKey(Schema.String),
      },
      headers: { "last-event-id": Schema.optionalKey(Schema.String) },
      success: HttpApiSchema.StreamSse({ events: FeedItem }),
      error: TooManyStreams,
    }),
  )
  .prefix("/api")
  .annotateMerge(OpenApi.annotations({ title: "Events" })) {}
