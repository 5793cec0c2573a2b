/** All modules of the package. `@signalbox/node/Signalbox` and so on import them one by one. */
export { Flock, FlockError } from "./Flock.ts"
export * as NodeDigest from "./NodeDigest.ts"
export * as NodeFileExchange from "./NodeFileExchange.ts"
export * as NodeFileLock from "./NodeFileLock.ts"
export * as NodeSegmentStorage from "./NodeSegmentStorage.ts"
export * as NodeStatsLedger from "./NodeStatsLedger.ts"
export * as PrivateFile from "./PrivateFile.ts"
export * as Signalbox from "./Signalbox.ts"
