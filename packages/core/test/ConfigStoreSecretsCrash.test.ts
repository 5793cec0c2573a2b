/** A secret that was rotated is nowhere on the disk, even if the process was killed while it removed it. */
import { assert, describe, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import { Reconciler } from "@signalbox/core/Reconciler"
import { SimulatedDisk } from "@signalbox/core/testing/SimulatedDisk"
import { ConfigProvider, Effect, Layer } from "effect"
import { AppConfig } from "./ConfigStoreHost.ts"
import { content, directory, foreign, life, onDisk } from "./FileConfigSourceDisk.ts"

const torture = process.env["SIGNALBOX_TORTURE"] === "1"

/** One process with a store over the file. */
const inProcess = Effect.provide(
  Layer.fresh(
    AppConfig.layer.pipe(
      Layer.provideMerge(Reconciler.layer),
      Layer.provideMerge(EventBus.layer),
      Layer.provideMerge(life()),
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: {} }))),
    ),
  ),
)
const setKey = (key: string) =>
  AppConfig.use((store) => store.update([{ path: "/providers/a", value: { url: "u", key } }]))

const filesWith = (text: string) =>
  foreign((fs) =>
    Effect.flatMap(fs.readDirectory(directory, { recursive: true }), (names) =>
      Effect.filter(names, (name) =>
        Effect.match(fs.readFileString(`${directory}/${name}`), {
          onFailure: () => false,
          onSuccess: (found) => found.includes(text),
        }),
      ),
    ),
  )

/** Kills the process at operation `at` of a rotation. Returns whether there was such an operation. */
const rotateAndKill = Effect.fnUntraced(function* (at: number) {
  const disk = yield* SimulatedDisk
  yield* inProcess(
    Effect.gen(function* () {
      yield* setKey("sk-first")
      yield* AppConfig.use((store) => store.update([{ path: "/port", value: 1 }]))
    }),
  )
  yield* Effect.exit(
    inProcess(
      Effect.gen(function* () {
        yield* disk.inject({ at: (yield* disk.operations) + at, crash: "kept" })
        yield* setKey("sk-second")
      }),
    ),
  )
  const isKilled = (yield* Effect.exit(Effect.timeout(disk.crashed, 0)))._tag === "Success"
  yield* disk.calm
  yield* disk.restart
  // The next process removes what the killed one left.
  yield* inProcess(AppConfig.use(({ snapshot }) => snapshot))
  if ((yield* content).includes("sk-second"))
    assert.deepStrictEqual(yield* filesWith("sk-first"), [], `killed at ${at}`)
  return isKilled
})

describe("a store that is killed while it rotates a secret", () => {
  it.effect("leaves the old secret nowhere on the disk after the next start", () =>
    Effect.gen(function* () {
      let at = 1
      while (yield* onDisk()(rotateAndKill(at))) at += torture ? 1 : 2
      assert.isAbove(at, 50)
    }),
  )
})
