/**
 * Counts in a document until it is killed: each update writes the next number, and a line of output acknowledges it, which a kill cannot revoke.
 * The first line is the state at the start, as JSON. Arguments: document, times (default: for ever).
 */
import { readdirSync, writeSync } from "node:fs"
import { dirname, join } from "node:path"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import * as Signalbox from "@signalbox/node/Signalbox"
import { Effect, Layer, Schema } from "effect"

const [file = "", times = "Infinity"] = process.argv.slice(2)

class Counting extends ConfigStore.Service<Counting>()("test/Counting", {
  schema: Schema.Struct({ count: Schema.Int, ballast: Schema.String }),
  // Many pages, so that a torn write is visible.
  seed: `{ "count": 0, "ballast": "${"0123456789".repeat(6000)}" }\n`,
}) {}

const main = Effect.gen(function* () {
  const store = yield* Counting
  const { config } = yield* store.snapshot
  const directory = dirname(file)
  const names = [...readdirSync(directory), ...readdirSync(join(directory, "history"))]
  writeSync(1, `${JSON.stringify({ count: config.count, names, problems: yield* store.problems })}\n`)
  for (let i = config.count + 1; i <= config.count + Number(times); i++) {
    yield* store.update([{ path: "/count", value: i }])
    writeSync(1, `${i}\n`)
  }
})

await Effect.runPromise(Effect.provide(main, Layer.provideMerge(Counting.layer, Signalbox.layerAt(file))))
