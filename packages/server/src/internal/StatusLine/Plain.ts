/** The same numbers for people: what `signalbox status` prints. */
import type { Status } from "../StatusDocument.ts"
import { formatBytes, modelLabel, windowLabel } from "./Labels.ts"
import { type Usage, usageAt } from "./Usage.ts"

/** Lines without a newline at the end: the sums, each model, and what is under way. `now`: milliseconds since 1970. */
export const plainStatus = (status: Status, now: number): string => {
  const { models, totals, windowMinutes } = usageAt(status, now)
  const rows = models.map((model): readonly [string, Usage] => [modelLabel(model), model])
  const all = [["all models", totals] as const, ...rows]
  const width = Math.max(...all.map(([name]) => [...name].length))
  const lines = all.map(([name, usage]) => `${name}${" ".repeat(width - [...name].length)}  ${words(usage)}`)
  const running = status.running === undefined ? [] : [`under way: ${modelLabel(status.running)}`]
  return [`The last ${windowLabel(windowMinutes)}:`, ...lines, ...running].join("\n")
}

const words = ({ bytesReceived, bytesSent, requests, requestsPerMinute }: Usage): string =>
  `${requests} ${requests === 1 ? "request" : "requests"}, ${requestsPerMinute.toFixed(1)} a minute, ${formatBytes(bytesSent)} sent, ${formatBytes(bytesReceived)} received`
