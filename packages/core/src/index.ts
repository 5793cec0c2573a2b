/** What hosts name, of all of core; `@signalbox/core/ConfigStore` and so on are the same modules one by one, and whole. */
export { changeSummary, reloadFailed } from "./ChangeSummary.ts"
export { concealer, isSecret, secretsIn } from "./Concealment.ts"
export { type Change, ConfigDocument, type Edit, type Provenance, redactionMarker } from "./ConfigDocument.ts"
export * as ConfigError from "./ConfigError.ts"
export { ConfigStoreError } from "./ConfigError.ts"
export * as ConfigEvents from "./ConfigEvents.ts"
export { ConfigSource, HistoryBounds } from "./ConfigSource.ts"
export * as ConfigStore from "./ConfigStore.ts"
export * as CredentialEvents from "./CredentialEvents.ts"
export {
  type Credential,
  CredentialId,
  Credentials,
  CredentialsError,
} from "./Credentials.ts"
export { dataDirectory, NoDataDirectory } from "./DataDirectory.ts"
export * as Event from "./Event.ts"
export { EventBus, EventCapacity, EventSource, Gap, SubscriberLagging } from "./EventBus.ts"
export { eventLine } from "./EventLine.ts"
export * as FileConfigSource from "./FileConfigSource.ts"
export { FileExchange } from "./FileExchange.ts"
export { FileLock, FileLockError } from "./FileLock.ts"
export * as HistoryRetention from "./HistoryRetention.ts"
export * as LedgerRetention from "./LedgerRetention.ts"
export * as ModelEvents from "./ModelEvents.ts"
export {
  DefaultModelAlias,
  defaultModelAliasProblem,
  ModelRegistrations,
  ModelRegistry,
  ModelRegistryError,
  ModelSettings,
  RegistrationLimits,
} from "./ModelRegistry.ts"
export { ModelRefused, Models } from "./Models.ts"
export * as Narration from "./Narration.ts"
export { ProviderSettings, Providers } from "./Providers.ts"
export { PrepareDeadline, PrepareFailed, Reconciler } from "./Reconciler.ts"
export { Retention, RetentionPolicy } from "./Retention.ts"
export * as RetentionEvents from "./RetentionEvents.ts"
export * as ServiceEvents from "./ServiceEvents.ts"
export * as ServiceGraph from "./ServiceGraph.ts"
export * as Setting from "./Setting.ts"
export * as StatsEvents from "./StatsEvents.ts"
export { StatsLedger, StatsSettings } from "./StatsLedger.ts"
