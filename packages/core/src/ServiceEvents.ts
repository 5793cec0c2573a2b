/** The events of a ServiceGraph about its services. A member of a collection is named `collection/key`. */
import { Schema } from "effect"
import * as Event from "./Event.ts"

/** A new instance serves, from this generation on. */
export class ServiceRebuilt extends Event.Class<ServiceRebuilt>()("service.rebuilt", {
  service: Schema.String,
  revision: Schema.Int,
  generation: Schema.Int,
  durationMillis: Schema.Finite,
}) {}

/** A service could not be built for the first time. It is tried again after the next commit. */
export class ServiceFailed extends Event.Class<ServiceFailed>()("service.failed", {
  service: Schema.String,
  /** Bounded, without any `Redacted` value of the settings. */
  reason: Schema.String,
}) {}

/** An instance was released: its finalizers have run, unless `forced`. */
export class ServiceReleased extends Event.Class<ServiceReleased>()("service.released", {
  service: Schema.String,
  /** The last generation that held it. */
  generation: Schema.Int,
  /** The time for which requests still held that generation after another one replaced it. */
  drainedMillis: Schema.Finite,
  /** It was still in use at the drain limit or the limit of live generations, or its finalizers did not end within 10 seconds. The log has the reason. */
  forced: Schema.Boolean,
}) {}
