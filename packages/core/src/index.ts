/** The everyday names of core. Each module can also be imported alone, with all its exports: `@signalbox/core/ConfigStore`. */
export * as AtomicFile from "./AtomicFile.ts"
export { changeSummary, reloadFailed } from "./ChangeSummary.ts"
export { concealer, isSecret, secretsIn } from "./Concealment.ts"
export * as ConfigDocument from "./ConfigDocument.ts"
export { type Change, type Edit, type Provenance, redactionMarker } from "./ConfigDocument.ts"
export * as ConfigError from "./ConfigError.ts"
export { ConfigStoreError } from "./ConfigError.ts"
export * as ConfigEvents from "./ConfigEvents.ts"
export { ConfigSource, HistoryBounds, type HistoryEntry } from "./ConfigSource.ts"
export * as ConfigStore from "./ConfigStore.ts"
export * as CredentialEvents from "./CredentialEvents.ts"
export { type Credential, CredentialId, Credentials, CredentialsError } from "./Credentials.ts"
export { dataDirectory, NoDataDirectory } from "./DataDirectory.ts"
export * as Event from "./Event.ts"
export {
  EventBus,
  EventCapacity,
  EventSource,
  Gap,
  type PublishOptions,
  type SubscribeOptions,
  type Subscriber,
} from "./EventBus.ts"
export { eventLine } from "./EventLine.ts"
export * as EventStream from "./EventStream.ts"
export * as FileConfigSource from "./FileConfigSource.ts"
export { FileExchange } from "./FileExchange.ts"
export { FileLock, FileLockError } from "./FileLock.ts"
export * as FileTrust from "./FileTrust.ts"
export * as HistoryRetention from "./HistoryRetention.ts"
export * as LedgerRetention from "./LedgerRetention.ts"
export * as MemoryConfigSource from "./MemoryConfigSource.ts"
export * as ModelEvents from "./ModelEvents.ts"
export {
  ModelRegistry,
  ModelRegistryError,
  type RegisteredModel,
  RegistrationLimits,
} from "./ModelRegistry.ts"
export {
  DefaultModelAlias,
  defaultModelAliasProblem,
  Model,
  type ModelInput,
  ModelRegistrations,
  ModelSettings,
} from "./ModelSettings.ts"
export { ModelRefused, Models, type Route } from "./Models.ts"
export * as Narration from "./Narration.ts"
export { type Outage, Provider, ProviderSettings, Providers } from "./Providers.ts"
export { PrepareDeadline, PrepareFailed, Reconciler } from "./Reconciler.ts"
export {
  type Policy,
  type Retainable,
  Retention,
  RetentionPolicy,
  type StoreLimits,
  type SweepFailed,
  type SweepRequest,
  type SweepResult,
  type Swept,
} from "./Retention.ts"
export * as RetentionEvents from "./RetentionEvents.ts"
export { SegmentStorage, SegmentsUnavailable } from "./SegmentStorage.ts"
export * as ServiceEvents from "./ServiceEvents.ts"
export * as ServiceGraph from "./ServiceGraph.ts"
export * as Setting from "./Setting.ts"
export * as StatsEvents from "./StatsEvents.ts"
export {
  LedgerEntry,
  type LedgerEntryInput,
  StatsLedger,
  StatsSettings,
  StatsSnapshot,
  Usage,
} from "./StatsLedger.ts"
