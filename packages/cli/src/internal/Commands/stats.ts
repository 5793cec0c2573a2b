/** `stats`: usage over a time window, from the host or, with the same numbers, from the ledger's files. */
import type { StatsSnapshot, Usage } from "@signalbox/core/StatsLedger"
import { Effect, Option } from "effect"
import { endpoints } from "../AdminEndpoints.ts"
import { usage } from "../Failure.ts"
import { request } from "../HostClient.ts"
import { type Colors, printNote, printResult, withSpinner } from "../Print.ts"
import { hostOf, target } from "../Target.ts"
import { escapeLine, formatDuration, table } from "../TextFormat.ts"

export const stats = Effect.fnUntraced(function* (input: { readonly window: Option.Option<string> }) {
  const window = Option.isSome(input.window) ? yield* minutesOf(input.window.value) : undefined
  const document = yield* target
  const host = yield* hostOf(document)
  const snapshot =
    host === undefined
      ? yield* Effect.flatMap(
          Effect.promise(() => import("./ledgerSnapshot.ts")),
          ({ ledgerSnapshot }) => ledgerSnapshot(document, window),
        )
      : yield* request(host, endpoints.stats, window === undefined ? {} : { query: { window: String(window) } })
  yield* printResult(snapshot, (colors) => text(snapshot, colors))
  if (host === undefined) yield* printNote("from the ledger's files: no host is running")
  for (const warning of warningsOf(snapshot)) yield* printNote(`warning: ${warning}`)
}, withSpinner("counting"))

const minutesOf = (text: string) => {
  const [, count = "", unit = "m"] = /^(\d{1,4})(m|min|h)?$/.exec(text) ?? []
  const minutes = Number(count) * (unit === "h" ? 60 : 1)
  return count !== "" && minutes >= 1 && minutes <= 1440
    ? Effect.succeed(minutes)
    : Effect.fail(
        usage(
          `--window takes a time of 1 minute to 24 hours, not ${JSON.stringify(text)}`,
          "write 15 or 15m for minutes, 24h for hours",
        ),
      )
}

const warningsOf = ({ degraded, foreignLines, newerLines, overflowed }: StatsSnapshot): ReadonlyArray<string> => [
  ...(degraded === undefined
    ? []
    : [
        `the ledger cannot be written (${escapeLine(degraded.reason)}): ${degraded.waiting} entries are waiting, ${degraded.lost} are lost`,
      ]),
  ...(foreignLines > 0 ? [`${foreignLines} damaged or foreign lines were left out`] : []),
  ...(newerLines > 0 ? [`${newerLines} lines of a newer Signalbox were left out`] : []),
  ...(overflowed ? ["there were too many names: some calls are counted under (other)"] : []),
]

const text = (snapshot: StatsSnapshot, colors: Colors): string => {
  const { models, providers, totals, windowMinutes } = snapshot
  const range = windowMinutes % 60 === 0 ? `${windowMinutes / 60} h` : `${windowMinutes} min`
  if (totals.requests === 0) return `no requests in the last ${range}`
  const parts: ReadonlyArray<readonly [string, Readonly<Record<string, Usage>>]> = [
    ["PROVIDER", providers],
    ["MODEL", models],
    ["KEY", named(snapshot.keys)],
    ["PROJECT", named(snapshot.projects)],
  ]
  const tables = parts.flatMap(([title, usages]) =>
    Object.keys(usages).length === 0 ? [] : ["", usageTable(title, usages, colors)],
  )
  return [`the last ${range}`, usageTable("", { all: totals }, colors), ...tables, ...errors(totals)].join("\n")
}

/** Empty when no call names a key or a project. */
const named = (usages: Readonly<Record<string, Usage>>): Readonly<Record<string, Usage>> =>
  Object.keys(usages).some((name) => name !== "") ? usages : {}

const usageTable = (title: string, usages: Readonly<Record<string, Usage>>, colors: Colors): string =>
  table(
    [{ title }, ...usageColumns.map((title) => ({ title, right: true }))],
    Object.entries(usages)
      .sort(([, left], [, right]) => right.requests - left.requests)
      .map(([name, usage]) => [name === "" ? "(none)" : name, ...cellsOf(usage)]),
    colors.bold,
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
  millis === undefined ? "" : millis < 10_000 ? `${Math.round(millis)} ms` : formatDuration(millis)

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
  const kinds = Object.entries(errorKinds).map(([kind, count]) => `${escapeLine(kind)} ${count}`)
  return kinds.length === 0 ? [] : ["", `errors: ${kinds.join(", ")}`]
}
