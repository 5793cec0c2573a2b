/** The text of `signalbox status`. */
import type { Status } from "../StatusDocument.ts"
import { formatBytes, modelLabel, windowLabel } from "./Labels.ts"
import { type Usage, usageAt } from "./Usage.ts"

/** Lines without a trailing newline: the sums, each model, and the request in flight. `now` is in milliseconds since 1970. */
export const plainStatus = (status: Status, now: number): string => {
  const { models, totals, windowMinutes } = usageAt(status, now)
  const rows = models.map((model): readonly [string, Usage] => [modelLabel(model), model])
  const all = [["all models", totals] as const, ...rows]
  const width = Math.max(...all.map(([name]) => [...name].length))
  const lines = all.map(([name, usage]) => `${name}${" ".repeat(width - [...name].length)}  ${describe(usage)}`)
  const running = status.running === undefined ? [] : [`in flight: ${modelLabel(status.running)}`]
  return [`The last ${windowLabel(windowMinutes)}:`, ...lines, ...running].join("\n")
}

const describe = ({ bytesReceived, bytesSent, requests, requestsPerMinute }: Usage): string =>
  `${requests} ${requests === 1 ? "request" : "requests"}, ${requestsPerMinute.toFixed(1)} a minute, ${formatBytes(bytesSent)} sent, ${formatBytes(bytesReceived)} received`
