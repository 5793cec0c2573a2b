/** All events that a host publishes, for reading and writing them on the wire. */
import * as ConfigEvents from "@signalbox/core/ConfigEvents"
import * as CredentialEvents from "@signalbox/core/CredentialEvents"
import * as Event from "@signalbox/core/Event"
import * as ModelEvents from "@signalbox/core/ModelEvents"
import * as RetentionEvents from "@signalbox/core/RetentionEvents"
import * as ServiceEvents from "@signalbox/core/ServiceEvents"
import * as StatsEvents from "@signalbox/core/StatsEvents"
import { Schema } from "effect"

/** The host listens and has written its address into `host.lock`. */
export class HostStarted extends Event.Class<HostStarted>()("host.started", {
  version: Schema.String,
  pid: Schema.Int,
  revision: Schema.Int,
}) {}

/** The host was asked to stop: it accepts no new requests and waits for those in flight. */
export class HostStopping extends Event.Class<HostStopping>()("host.stopping", {
  version: Schema.String,
  pid: Schema.Int,
  revision: Schema.Int,
}) {}

/** Encodes and decodes all of them. */
export const registry = Event.registry([
  ConfigEvents.ConfigChanged,
  ConfigEvents.ConfigRejected,
  ConfigEvents.ConfigRestored,
  ConfigEvents.ConfigMigrated,
  ConfigEvents.ConfigSeeded,
  ConfigEvents.ConfigOverwritten,
  ServiceEvents.ServiceRebuilt,
  ServiceEvents.ServiceFailed,
  ServiceEvents.ServiceReleased,
  ModelEvents.ModelAdded,
  ModelEvents.ModelChanged,
  ModelEvents.ModelRemoved,
  ModelEvents.ProviderAdded,
  ModelEvents.ProviderChanged,
  ModelEvents.ProviderRemoved,
  ModelEvents.ProviderFailed,
  ModelEvents.ProviderRecovered,
  RetentionEvents.RetentionChanged,
  RetentionEvents.RetentionSwept,
  StatsEvents.StatsRecorded,
  StatsEvents.StatsDegraded,
  StatsEvents.StatsCompacted,
  CredentialEvents.CredentialAdded,
  CredentialEvents.CredentialChanged,
  CredentialEvents.CredentialRevoked,
  HostStarted,
  HostStopping,
])
