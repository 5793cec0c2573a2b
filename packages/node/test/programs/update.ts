/**
 * Updates its own keys in a document that others write at the same time: a counter and a new key each time. Counts and repeats updates that
 * fail with `Busy` or `Conflict`. Prints the counts at its end, as JSON.
 * Arguments: document, name of this worker, times.
 */
import type { ConfigStoreError } from "@signalbox/core/ConfigError"
import { EventBus } from "@signalbox/core/EventBus"
import * as Signalbox from "@signalbox/node/Signalbox"
import { Effect, Layer, Stream } from "effect"
import { SharedConfig } from "./SharedConfig.ts"

const [file = "", worker = "", times = "0"] = process.argv.slice(2)

const main = Effect.gen(function* () {
  const store = yield* SharedConfig
  const bus = yield* EventBus
  const counts = { Busy: 0, Conflict: 0 }
  const revisions: Array<number> = []
  const events = yield* bus.subscribe({ types: ["config.changed", "config.rejected", "config.overwritten"] })
  const bad: Array<unknown> = []
  yield* events.pipe(
    Stream.runForEach((item) =>
      Effect.sync(() => {
        if (item._tag === "Gap" || item.event._tag !== "config.changed") bad.push(item)
        else revisions.push(item.revision)
      }),
    ),
    Effect.forkScoped,
  )
  const mayTryAgain = ({ reason }: ConfigStoreError) => {
    if (reason._tag !== "Busy" && reason._tag !== "Conflict") return false
    counts[reason._tag]++
    return true
  }
  let before = (yield* store.snapshot).revision
  for (let i = 1; i <= Number(times); i++) {
    const edits = [
      { path: `/counters/${worker}`, value: i },
      { path: `/values/${worker}-${i}`, value: i },
    ]
    const { config, revision } = yield* Effect.retry(store.update(edits), { while: mayTryAgain })
    if (revision <= before) bad.push(`revision ${revision} after ${before}`)
    if (config.counters[worker] !== i || config.values[`${worker}-${i}`] !== i) bad.push(`own update ${i} is not there`)
    before = revision
  }
  yield* Effect.yieldNow
  revisions.forEach((revision, index) => {
    if (index > 0 && revision !== revisions[index - 1]! + 1)
      bad.push(`events skip from ${revisions[index - 1]} to ${revision}`)
  })
  console.log(JSON.stringify({ ...counts, bad }))
}).pipe(Effect.scoped)

await Effect.runPromise(Effect.provide(main, Layer.provideMerge(SharedConfig.layer, Signalbox.layerAt(file))))
