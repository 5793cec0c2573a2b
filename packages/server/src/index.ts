/** The whole of server; `@signalbox/server/HostConfig` and so on are the same modules one by one. */

export * as Admin from "./Admin.ts"
export { EventFeed, MaxStreams } from "./EventFeed.ts"
export { HostHealth } from "./Host/Health.ts"
export { HostError } from "./Host/HostError.ts"
export * as Host from "./Host.ts"
export { defaultPort, Features, HostConfig, Listen, settings } from "./HostConfig.ts"
export { type HostNote, readHostNote } from "./HostNote.ts"
export { HostServices } from "./HostServices.ts"
export { Listening } from "./Listening.ts"
export { isLoopback } from "./Loopback.ts"
export { type Place, placeOf } from "./Place.ts"
