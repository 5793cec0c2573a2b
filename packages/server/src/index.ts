/** The whole of server; `@signalbox/server/HostConfig` and so on are the same modules one by one. */
export { defaultPort, Features, HostConfig, Listen, settings } from "./HostConfig.ts"
export { isLoopback } from "./Loopback.ts"
export { type Place, placeOf } from "./Place.ts"
