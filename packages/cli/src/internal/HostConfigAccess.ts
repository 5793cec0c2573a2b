/** A running host's configuration, by its admin API. */
import { Effect } from "effect"
import { endpoints } from "./AdminEndpoints.ts"
import type { ConfigAccess } from "./ConfigAccess.ts"
import { request } from "./HostClient.ts"
import type { RunningHost } from "./RunningHost.ts"

export const hostConfig = (host: RunningHost): ConfigAccess => ({
  host,
  state: Effect.map(request(host, endpoints.config), ({ cursor: _, ...state }) => state),
  summary: request(host, endpoints.summary),
  value: (path) => request(host, endpoints.value, { query: { path } }),
  plan: (payload) => request(host, endpoints.plan, { payload }),
  change: (payload, ifHash) =>
    request(host, "text" in payload ? endpoints.replace : endpoints.update, {
      payload,
      ...(ifHash === undefined ? {} : { headers: { "if-match": `"${ifHash}"` } }),
    }),
  undo: request(host, endpoints.undo),
  history: Effect.map(request(host, endpoints.history), ({ entries }) => entries),
  diff: (from, to) => request(host, endpoints.diff, { query: { from, ...(to === undefined ? {} : { to }) } }),
})
