/** `status`: whether a host is running on the document, and its state. */
import { describeHost, type HostNote } from "@signalbox/server/HostNote"
import { Effect, Option } from "effect"
import { endpoints } from "../AdminEndpoints.ts"
import { usage } from "../Failure.ts"
import { request } from "../HostClient.ts"
import { type Colors, printResult } from "../Print.ts"
import { type RunningHost, requireResponse } from "../RunningHost.ts"
import { requireHost } from "../Target.ts"
import { escapeLine, formatDuration, formatTime, plural } from "../TextFormat.ts"

interface BarFlags {
  readonly narrow: boolean
  readonly maxLength: Option.Option<number>
  readonly theme: Option.Option<string>
  readonly fg: Option.Option<string>
  readonly bg: Option.Option<string>
}

export const status = Effect.fnUntraced(function* (flags: BarFlags) {
  const [flag] = barFlags(flags)
  if (flag !== undefined) {
    return yield* usage(`${flag} needs --tmux: it is about the line for a status bar`, "add --tmux, or leave it out")
  }
  const host = yield* requireHost("show its status")
  yield* requireResponse(host)
  const state = yield* stateOf(host)
  yield* printResult(state, (colors) => text(state, colors))
})

const barFlags = ({ bg, fg, maxLength, narrow, theme }: BarFlags): ReadonlyArray<string> => [
  ...(narrow ? ["--narrow"] : []),
  ...(Option.isSome(maxLength) ? ["--max-length"] : []),
  ...(Option.isSome(theme) ? ["--theme"] : []),
  ...(Option.isSome(fg) ? ["--fg"] : []),
  ...(Option.isSome(bg) ? ["--bg"] : []),
]

const stateOf = (host: RunningHost) =>
  Effect.all(
    {
      health: host.note === undefined ? request(host, endpoints.health) : Effect.succeed(host.note),
      readiness: request(host, endpoints.readiness),
      config: request(host, endpoints.config),
      services: request(host, endpoints.services),
      stats: request(host, endpoints.stats),
    },
    { concurrency: "unbounded" },
  ).pipe(
    Effect.map(({ config, health: { version }, readiness, services, stats }) => ({
      url: host.url,
      version,
      ...noteOf(host),
      config: config.source,
      revision: config.revision,
      hash: config.hash,
      ...readiness,
      generations: services.generations.length,
      pins: services.generations.reduce((sum, { pins }) => sum + pins, 0),
      windowMinutes: stats.windowMinutes,
      requests: stats.totals.requests,
      errors: stats.totals.errors,
    })),
  )

/** Without the pid that the host has for itself, which may mean another process here. */
const noteOf = ({ note }: RunningHost): Partial<Omit<HostNote, "ownPid">> => {
  const { ownPid: _, ...shown } = { ownPid: 0, ...note }
  return shown
}

type State = Effect.Success<ReturnType<typeof stateOf>>

const text = (state: State, colors: Colors): string => {
  const startedAt = state.startedAt === undefined ? undefined : Date.parse(state.startedAt)
  // The process of a host elsewhere means nothing here.
  const process = startedAt === undefined ? "" : `${describeHost(state)}, `
  const since =
    startedAt === undefined ? "" : `, for ${formatDuration(Date.now() - startedAt)} (since ${formatTime(startedAt)})`
  return [
    `${state.ready ? colors.green("ready") : colors.yellow("starting")}  ${escapeLine(state.url)}  ${process}version ${escapeLine(state.version)}${since}`,
    `document  ${escapeLine(state.config)}  revision ${state.revision}, ${state.hash.slice(0, 12)}`,
    `requests  ${state.requests} in the last ${state.windowMinutes} min, ${state.errors} failed; ${state.pins} in progress in ${plural(state.generations, "generation")}`,
    ...state.degraded.map((sentence) => `${colors.yellow("degraded")}  ${escapeLine(sentence)}`),
  ].join("\n")
}
