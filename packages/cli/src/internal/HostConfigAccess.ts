/** A running host's configuration, by its admin API. */
import { ConfigGroup } from "@signalbox/api/ConfigGroup"
import { Effect } from "effect"
import { fromApi } from "./Answers.ts"
import { clientOf } from "./Client.ts"
import type { Access, Proposal } from "./ConfigAccess.ts"
import type { Host } from "./RunningHost.ts"

export const remote = (host: Host): Effect.Effect<Access> =>
  Effect.map(clientOf(host, ConfigGroup), ({ config }) => access(host, config))

type Client = Effect.Success<ReturnType<typeof clientOf<typeof ConfigGroup>>>

const access = (host: Host, config: Client["config"]): Access => {
  return {
    host,
    state: Effect.map(Effect.mapError(config.get(), fromApi), ({ body: { cursor: _, ...state } }) => state),
    value: (path) => Effect.map(Effect.mapError(config.getValue({ query: { path } }), fromApi), ({ body }) => body),
    plan: (proposal) => Effect.mapError(config.plan({ payload: proposal }), fromApi),
    change: (proposal, ifHash) => {
      const headers = ifHash === undefined ? {} : { "if-match": `"${ifHash}"` }
      return Effect.map(Effect.mapError(send(config, proposal, headers), fromApi), ({ body }) => body)
    },
    undo: Effect.map(Effect.mapError(config.undo(), fromApi), ({ body }) => body),
    history: Effect.map(Effect.mapError(config.history(), fromApi), ({ entries }) => entries),
    diff: (from, to) => Effect.mapError(config.diff({ query: { from, ...(to === undefined ? {} : { to }) } }), fromApi),
  }
}

const send = (config: Client["config"], proposal: Proposal, headers: { readonly "if-match"?: string }) =>
  "text" in proposal
    ? config.replace({ headers, payload: { text: proposal.text } })
    : config.update({ headers, payload: { edits: proposal.edits } })
