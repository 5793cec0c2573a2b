/** Converts the ledger's series to the contents of the status file: few names, and the same text for the same calls. */
import type { SeriesRow, StatsSeries } from "@signalbox/core/StatsLedger"
import { type Bucket, maxModels, otherModels, type Status, type StatusModel } from "../StatusDocument.ts"

type Contents = Omit<Status, "writtenAt">

/** Names the models with the most calls and the latest one, and sums the others. */
export const contentsOf = ({ bucketMillis, rows, windowMinutes }: StatsSeries): Contents => {
  const byModel = Map.groupBy(rows, ({ model, provider }) => `${provider.length}:${provider}${model}`)
  const isOthers = (of: ReadonlyArray<SeriesRow>) => of[0]?.model === otherModels
  const models = [...byModel.values()].filter((of) => !isOthers(of)).toSorted((a, b) => calls(b) - calls(a))
  const latest = models.toSorted((a, b) => newest(b) - newest(a))[0]
  const named = new Set(models.slice(0, maxModels - 1))
  if (latest !== undefined) named.add(latest)
  for (const model of models) if (named.size < maxModels) named.add(model)
  const rest = [...byModel.values()].filter((of) => !named.has(of)).flat()
  const modelOf = (provider: string, model: string, of: ReadonlyArray<SeriesRow>): StatusModel => ({
    provider,
    model,
    buckets: bucketsOf(of, bucketMillis),
  })
  return {
    windowMinutes,
    bucketMillis,
    models: [
      ...[...named]
        .map((of) => modelOf(of[0]!.provider, of[0]!.model, of))
        .toSorted((a, b) => compare(a.provider, b.provider) || compare(a.model, b.model)),
      ...(rest.length === 0 ? [] : [modelOf("", otherModels, rest)]),
    ],
  }
}

/** Whether a reader of `before` at `now` sees the same numbers. Readers drop old buckets by themselves. */
export const isUnchanged = (before: Status, now: number, contents: Contents): boolean => {
  if (before.windowMinutes !== contents.windowMinutes || before.bucketMillis !== contents.bucketMillis) return false
  const first = Math.floor((now - before.windowMinutes * 60_000) / before.bucketMillis)
  const models = before.models
    .map((model) => ({ ...model, buckets: model.buckets.filter(([number]) => number >= first) }))
    .filter(({ buckets }) => buckets.length > 0)
  return JSON.stringify([models, before.running]) === JSON.stringify([contents.models, contents.running])
}

const bucketsOf = (rows: ReadonlyArray<SeriesRow>, bucketMillis: number): ReadonlyArray<Bucket> => {
  const byNumber = Map.groupBy(rows, ({ at }) => Math.floor(at / bucketMillis))
  return [...byNumber]
    .map(([number, of]): Bucket => {
      const sum = (what: "requests" | "bytesSent" | "bytesReceived") => of.reduce((total, row) => total + row[what], 0)
      return [number, sum("requests"), sum("bytesSent"), sum("bytesReceived")]
    })
    .toSorted(([a], [b]) => a - b)
}

const calls = (rows: ReadonlyArray<SeriesRow>): number => rows.reduce((sum, { requests }) => sum + requests, 0)

const newest = (rows: ReadonlyArray<SeriesRow>): number => rows.reduce((newest, { at }) => Math.max(newest, at), 0)

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
