/** What the ServiceGraph says about its services. A member of a collection is named `collection/key`. */
import { Schema } from "effect"
import * as Event from "./Event.ts"

/** A new instance serves from this generation on. */
export class ServiceRebuilt extends Event.Class<ServiceRebuilt>()("service.rebuilt", {
  service: Schema.String,
  revision: Schema.Int,
  generation: Schema.Int,
  durationMillis: Schema.Finite,
}) {}

/** A service that has never served could not be built; it is tried again at the next commit. */
export class ServiceFailed extends Event.Class<ServiceFailed>()("service.failed", {
  service: Schema.String,
  /** Bounded, and without any `Redacted` value of the settings. */
  reason: Schema.String,
}) {}

/** An instance was let go; its finalizers have run. */
export class ServiceReleased extends Event.Class<ServiceReleased>()("service.released", {
  service: Schema.String,
  /** The last generation that held it. */
  generation: Schema.Int,
  /** How long that generation was still held after another had taken its place. */
  drainedMillis: Schema.Finite,
  /** The drain limit, or the limit of live generations, was reached: it was still in use. */
  forced: Schema.Boolean,
}) {}
