/** Loaded into a host before anything else (`--import`): reports CPU time, the longest pause of the event loop and memory when the benchmark asks. */
import { monitorEventLoopDelay } from "node:perf_hooks"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

/** Since the last report. */
export interface Sample {
  readonly cpuMillis: number
  readonly elapsedMillis: number
  readonly pauseMillis: number
  /** V8's heap, and what it keeps outside, such as long texts and buffers. After a full garbage collection if `memory` was asked for. */
  readonly memoryBytes: number
}

const resolutionMillis = 1
const delays = monitorEventLoopDelay({ resolution: resolutionMillis })
delays.enable()
let before = process.cpuUsage()
let since = performance.now()

const collectGarbage = (): void => {
  setFlagsFromString("--expose-gc")
  runInNewContext("gc")()
}

process.on("message", (wanted: "sample" | "memory") => {
  const { system, user } = process.cpuUsage(before)
  const pauseMillis = Math.max(0, delays.max / 1e6 - resolutionMillis)
  if (wanted === "memory") collectGarbage()
  const { external, heapUsed } = process.memoryUsage()
  const sample: Sample = {
    cpuMillis: (system + user) / 1e3,
    elapsedMillis: performance.now() - since,
    pauseMillis,
    memoryBytes: heapUsed + external,
  }
  process.send?.(sample)
  delays.reset()
  before = process.cpuUsage()
  since = performance.now()
})
// The host must be able to end.
process.channel?.unref()
