/** `stats`: usage over a window, from a host or from the ledger's files; both show the same numbers. */
import { StatsGroup } from "@signalbox/api/StatsGroup"
import type { StatsSnapshot, Usage } from "@signalbox/core/StatsLedger"
import { Effect, Option } from "effect"
import { fromApi } from "../Answers.ts"
import { clientOf } from "../Client.ts"
import { hostOf, where } from "../ConfigAccess.ts"
import { usage } from "../Failure.ts"
import { answer, type Paint, remark, whileWaiting } from "../Print.ts"
import type { Host } from "../RunningHost.ts"
import { age, line, table } from "../TextFormat.ts"

export const stats = Effect.fnUntraced(function* (input: { readonly window: Option.Option<string> }) {
  const window = Option.isSome(input.window) ? yield* minutesOf(input.window.value) : undefined
  const at = yield* where
  const host = yield* hostOf(at)
  const snapshot =
    host === undefined
      ? yield* Effect.flatMap(
          Effect.promise(() => import("./ledgerSnapshot.ts")),
          ({ snapshotOf }) => snapshotOf(at, window),
        )
      : yield* fromHost(host, window)
  yield* answer(snapshot, (paint) => text(snapshot, paint))
  if (host === undefined) yield* remark("from the ledger's files: no host runs here")
  for (const warning of warningsOf(snapshot)) yield* remark(`warning: ${warning}`)
}, whileWaiting("counting"))

const minutesOf = (text: string) => {
  const [, count = "", unit = "m"] = /^(\d{1,4})(m|min|h)?$/.exec(text) ?? []
  const minutes = Number(count) * (unit === "h" ? 60 : 1)
  return count !== "" && minutes >= 1 && minutes <= 1440
    ? Effect.succeed(minutes)
    : Effect.fail(
        usage(`${JSON.stringify(text)} is no window`, "write 15 or 15m for minutes, 24h for hours; at most 24h"),
      )
}

const fromHost = (host: Host, window: number | undefined) =>
  Effect.flatMap(clientOf(host, StatsGroup), ({ stats }) =>
    Effect.mapError(stats.snapshot({ query: window === undefined ? {} : { window } }), fromApi),
  )

const warningsOf = ({ degraded, foreignLines, newerLines, overflowed }: StatsSnapshot): ReadonlyArray<string> => [
  ...(degraded === undefined
    ? []
    : [
        `the ledger cannot be written (${line(degraded.reason)}): ${degraded.waiting} entries wait, ${degraded.lost} are lost`,
      ]),
  ...(foreignLines > 0 ? [`${foreignLines} damaged or foreign lines were left out`] : []),
  ...(newerLines > 0 ? [`${newerLines} lines of a newer Signalbox were left out`] : []),
  ...(overflowed ? ["there were too many names: some calls stand under (other)"] : []),
]

const text = (snapshot: StatsSnapshot, paint: Paint): string => {
  const { models, providers, totals, windowMinutes } = snapshot
  const of = windowMinutes % 60 === 0 ? `${windowMinutes / 60} h` : `${windowMinutes} min`
  if (totals.requests === 0) return `no requests in the last ${of}`
  const parts: ReadonlyArray<readonly [string, Readonly<Record<string, Usage>>]> = [
    ["PROVIDER", providers],
    ["MODEL", models],
    ["KEY", named(snapshot.keys)],
    ["PROJECT", named(snapshot.projects)],
  ]
  const tables = parts.flatMap(([title, usages]) =>
    Object.keys(usages).length === 0 ? [] : ["", usageTable(title, usages, paint)],
  )
  return [`the last ${of}`, usageTable("", { all: totals }, paint), ...tables, ...errors(totals)].join("\n")
}

/** Where no call names a key or a project, nothing is to be seen. */
const named = (usages: Readonly<Record<string, Usage>>): Readonly<Record<string, Usage>> =>
  Object.keys(usages).some((name) => name !== "") ? usages : {}

const usageTable = (title: string, usages: Readonly<Record<string, Usage>>, paint: Paint): string =>
  table(
    [{ title }, ...usageColumns.map((title) => ({ title, right: true }))],
    Object.entries(usages)
      .sort(([, left], [, right]) => right.requests - left.requests)
      .map(([name, usage]) => [name === "" ? "(none)" : name, ...cellsOf(usage)]),
    paint.bold,
  )

const usageColumns = ["REQUESTS", "ERRORS", "RPM", "IN", "OUT", "TPM", "SENT", "RECEIVED", "P50", "P95", "TTFT", "COST"]

const cellsOf = (usage: Usage): ReadonlyArray<string> => [
  String(usage.requests),
  String(usage.errors),
  usage.requestsPerMinute.toFixed(1),
  count(usage.inputTokens),
  count(usage.outputTokens),
  count(Math.round(usage.tokensPerMinute)),
  `${count(usage.bytesSent)}B`,
  `${count(usage.bytesReceived)}B`,
  time(usage.latency.p50Millis),
  time(usage.latency.p95Millis),
  time(usage.timeToFirstToken.p50Millis),
  usage.cost === 0 ? "" : `$${usage.cost.toFixed(2)}`,
]

const time = (millis: number | undefined): string =>
  millis === undefined ? "" : millis < 10_000 ? `${Math.round(millis)} ms` : age(millis)

/** `999`, `1.2k`, `3.4M`: base 1000. */
const count = (value: number): string => {
  const step = steps.find(([, size]) => value >= size)
  return step === undefined ? String(value) : `${(value / step[1]).toFixed(1)}${step[0]}`
}
const steps = [
  ["G", 1e9],
  ["M", 1e6],
  ["k", 1e3],
] as const

const errors = ({ errorKinds }: Usage): ReadonlyArray<string> => {
  const kinds = Object.entries(errorKinds).map(([kind, count]) => `${line(kind)} ${count}`)
  return kinds.length === 0 ? [] : ["", `errors: ${kinds.join(", ")}`]
}
