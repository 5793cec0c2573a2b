/** Ends the process at the second SIGINT or SIGTERM. The first closes the host, and a layer of the host may never close. */
import { constants } from "node:os"
import { Effect } from "effect"

const noticeMillis = 10_000

/** The same signal again within this time is one signal that arrives twice. */
const repeatMillis = 1_000

export const endingAtSecondSignal = <A, E, R>(host: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    let first: { readonly signal: NodeJS.Signals; readonly at: number } | undefined
    let notice: NodeJS.Timeout | undefined
    const end = (signal: NodeJS.Signals) => {
      const at = performance.now()
      // `npm start` forwards the signal that the terminal has sent to both.
      if (first?.signal === signal && at - first.at < repeatMillis) return
      if (first !== undefined) process.exit(128 + constants.signals[signal])
      first = { signal, at }
      notice = setTimeout(() => process.stderr.write(stillClosing), noticeMillis)
    }
    process.on("SIGINT", end)
    process.on("SIGTERM", end)
    const stop = Effect.sync(() => {
      clearTimeout(notice)
      process.off("SIGINT", end)
      process.off("SIGTERM", end)
    })
    return Effect.ensuring(host, stop)
  })

const stillClosing = "The host has not closed yet. A second signal ends it at once.\n"
