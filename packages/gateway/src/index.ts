/** Everything the gateway package exports. */
export { CallObserver } from "./CallObserver.ts"
export * as Gateway from "./Gateway.ts"
export { RequireKeys } from "./RequireKeys.ts"
export { UpstreamClient, UpstreamClients } from "./UpstreamClient.ts"
