/**
 * The feed of events over Server-Sent Events: one order for everybody, resumable by `Last-Event-ID` or `after`, and never silently
 * incomplete: what a client lost or came too late for stands in the stream as a `gap`.
 */
import { CloudEvent } from "@signalbox/core/Event"
import { Gap } from "@signalbox/core/EventBus"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { TooManyStreams } from "./Problems.ts"

/** The SSE event name of a `Gap`; its data is `{ from, to, reason, missing? }` with cursors as text. */
export const gapName = "gap"

/** A `Gap` as it stands on the wire. */
export const WireGap = Schema.Struct({
  from: Schema.String,
  to: Schema.String,
  reason: Gap.fields.reason,
  missing: Schema.optionalKey(Schema.Int),
})

/** `id`: the cursor, of ephemeral events too, of a gap the place behind it; `event`: the type, or `gap`; `data`: a CloudEvents 1.0 object, or the gap. */
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
        /** Comma-separated types; all without it. */
        types: Schema.optionalKey(Schema.String),
        /** A cursor: kept history after it first. `Last-Event-ID` says the same and wins. */
        after: Schema.optionalKey(Schema.String),
      },
      headers: { "last-event-id": Schema.optionalKey(Schema.String) },
      success: HttpApiSchema.StreamSse({ events: FeedItem }),
      error: TooManyStreams,
    }),
  )
  .prefix("/api")
  .annotateMerge(OpenApi.annotations({ title: "Events" })) {}
