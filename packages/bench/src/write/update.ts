/**
 * A library host that changes its own alias repeatedly. Prints `ready`, waits for a line, prints `done` with its CPU time per update.
 * Arguments: home, alias, times.
 */
import { once } from "node:events"
import { writeSync } from "node:fs"
import { ConfigStore, ModelSettings } from "@signalbox/core"
import { Signalbox } from "@signalbox/node"
import { Effect, Layer, Schema } from "effect"

const [home = "", alias = "", times = "0"] = process.argv.slice(2)
process.env["XDG_DATA_HOME"] = home

class AppConfig extends ConfigStore.Service<AppConfig>()("bench/AppConfig", {
  schema: Schema.Struct({ models: ModelSettings.schema }),
  seed: JSON.stringify(
    {
      version: 1,
      models: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`w${i}`, { upstream: "model-0" }])),
    },
    undefined,
    2,
  ),
}) {}

const main = Effect.gen(function* () {
  const config = yield* AppConfig
  const update = (value: string) =>
    Effect.retry(config.update([{ path: `/models/${alias}/upstream`, value }]), {
      while: ({ reason }) => {
        if (reason._tag !== "Busy" && reason._tag !== "Conflict") return false
        again[reason._tag]++
        return true
      },
    })
  const again = { Busy: 0, Conflict: 0 }
  // Compiled, and not measured.
  for (let i = 1; i <= 40; i++) yield* update(`warm-${i}`)
  yield* Effect.promise(async () => {
    writeSync(1, "ready\n")
    await once(process.stdin, "data")
    process.stdin.pause()
  })
  const start = process.cpuUsage()
  for (let i = 1; i <= Number(times); i++) yield* update(`model-${i}`)
  const { system, user } = process.cpuUsage(start)
  writeSync(1, `done ${JSON.stringify({ cpuMillis: (user + system) / 1000 / Number(times), ...again })}\n`)
})

const host = AppConfig.layer.pipe(Layer.provide(Signalbox.layerFor("host")))
await Effect.runPromise(Effect.provide(main, host))
