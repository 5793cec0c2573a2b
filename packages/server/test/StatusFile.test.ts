import { assert, describe, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import { SegmentStorage } from "@signalbox/core/SegmentStorage"
import { StatsLedger, StatsSettings } from "@signalbox/core/StatsLedger"
import { SimulatedDisk } from "@signalbox/core/testing/SimulatedDisk"
import { StatusFile } from "@signalbox/server/StatusFile"
import { Context, Effect, type FileSystem, Layer, Logger, Path, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { parseStatus } from "../src/internal/StatusDocument.ts"

const directory = "/home/signalbox"
const file = `${directory}/status.json`
/** A full hour. */
const start = 1_795_237_200_000
const call = { provider: "openai", model: "fast", bytesSent: 100, bytesReceived: 200 }

const logged: Array<string> = []

type World = SimulatedDisk | FileSystem.FileSystem | EventBus | SegmentStorage | StatsLedger | StatsSettings
const test = (title: string, body: Effect.Effect<void, unknown, World | Scope.Scope>, windowMinutes = 60) =>
  it.effect(title, () => {
    logged.length = 0
    const world = StatsLedger.layer.pipe(
      Layer.provideMerge(
        Layer.mergeAll(
          SimulatedDisk.layer,
          EventBus.layer,
          SegmentStorage.layerMemory,
          StatsSettings.layer({ windowMinutes }),
          Logger.layer([Logger.make(({ message }) => void logged.push(String(message)))]),
        ),
      ),
    )
    // First the time: a ledger that is older than it would compact hour after hour.
    return Effect.andThen(TestClock.setTime(start), Effect.provide(Effect.scoped(body), Layer.fresh(world)))
  })

/** Starts a host's part that writes the file; its end is that of the Scope. */
const started = Effect.gen(function* () {
  yield* foreign((fs) => fs.makeDirectory(directory, { recursive: true }))
  const layer = Layer.fresh(StatusFile.layerAt(file)).pipe(Layer.provide(Path.layer))
  const status = Context.get(yield* Layer.build(layer), StatusFile)
  yield* seconds(1)
  return status
})
const foreign = <A>(f: (fs: FileSystem.FileSystem) => Effect.Effect<A, unknown>) =>
  Effect.flatMap(SimulatedDisk, (disk) => Effect.orDie(f(disk.foreign)))

/** So many turns are enough for all that waits for nothing but its turn. */
const turns = Effect.replicateEffect(Effect.yieldNow, 200, { discard: true })
const seconds = (count: number) =>
  Effect.replicateEffect(Effect.andThen(TestClock.adjust("1 second"), turns), count, { discard: true })

const found = foreign((fs) => Effect.map(fs.readFileString(file), parseStatus))
const requests = Effect.map(found, (status) =>
  (status?.models ?? []).flatMap(({ buckets }) => buckets).reduce((sum, [, requests]) => sum + requests, 0),
)
/** The number of replacements of the file since then. */
const counting = Effect.gen(function* () {
  let count = 0
  yield* (yield* SimulatedDisk).before(({ name, to }) =>
    Effect.sync(() => {
      if (name === "rename" && to === file) count++
    }),
  )
  return () => count
})
const record = (entry: Partial<typeof call> = {}) => StatsLedger.use((ledger) => ledger.record({ ...call, ...entry }))

describe("StatusFile", () => {
  test(
    "writes the file one second after the start, for the owner alone, and leaves no other file",
    Effect.gen(function* () {
      yield* started
      assert.deepStrictEqual(yield* found, {
        writtenAt: start + 1_000,
        windowMinutes: 60,
        bucketMillis: 10_000,
        models: [],
      })
      assert.strictEqual((yield* foreign((fs) => fs.stat(file))).mode & 0o777, 0o600)
      assert.deepStrictEqual(yield* foreign((fs) => fs.readDirectory(directory)), ["status.json"])
    }),
  )
  test(
    "contains the calls of the window by model and time",
    Effect.gen(function* () {
      yield* record()
      yield* started
      yield* TestClock.adjust("20 seconds")
      yield* record()
      yield* record({ provider: "anthropic", model: "slow" })
      yield* seconds(2)
      assert.deepStrictEqual((yield* found)?.models, [
        { provider: "anthropic", model: "slow", buckets: [[start / 10_000 + 2, 1, 100, 200]] },
        {
          provider: "openai",
          model: "fast",
          buckets: [
            [start / 10_000, 1, 100, 200],
            [start / 10_000 + 2, 1, 100, 200],
          ],
        },
      ])
    }),
  )
  test(
    "writes at most once a second, however many calls there are",
    Effect.gen(function* () {
      yield* started
      const count = yield* counting
      for (let i = 0; i < 50; i++) {
        yield* record()
        yield* Effect.andThen(TestClock.adjust("100 millis"), turns)
      }
      assert.isAtLeast(count(), 4)
      assert.isAtMost(count(), 5)
      yield* seconds(2)
      assert.strictEqual(yield* requests, 50)
    }),
  )
  test(
    "writes nothing without new calls, even when calls leave the window",
    Effect.gen(function* () {
      yield* record()
      yield* started
      const count = yield* counting
      for (let minute = 0; minute < 70; minute++) yield* Effect.andThen(TestClock.adjust("1 minute"), turns)
      assert.strictEqual(count(), 0)
      yield* record()
      yield* seconds(11)
      assert.strictEqual(count(), 1)
      assert.strictEqual(yield* requests, 1)
    }),
  )
  test(
    "contains the calls that other processes recorded",
    Effect.gen(function* () {
      yield* started
      const other = Context.get(yield* Layer.build(Layer.fresh(StatsLedger.layer).pipe(withOtherBus)), StatsLedger)
      yield* other.record(call)
      yield* seconds(2)
      assert.strictEqual(yield* requests, 1)
    }),
  )
  test(
    "names sixteen models, the last called one among them, and sums the others",
    Effect.gen(function* () {
      for (let i = 0; i < 40; i++) for (let n = 0; n <= i; n++) yield* record({ model: `model-${i}` })
      yield* TestClock.adjust("1 minute")
      yield* record({ model: "rare" })
      yield* started
      const models = (yield* found)?.models ?? []
      assert.strictEqual(yield* requests, (40 * 41) / 2 + 1)
      assert.lengthOf(models, 17)
      assert.deepStrictEqual(models.at(-1)?.model, "(other)")
      const names = models.map(({ model }) => model)
      assert.includeMembers(names, ["rare", "model-39", "model-25"])
      assert.notInclude(names, "model-24")
    }),
  )
  test(
    "keeps the file small through a day of calls to twenty models",
    Effect.gen(function* () {
      for (let minute = 0; minute < 1440; minute++) {
        for (let model = 0; model < 20; model++) yield* record({ model: `model-${model}` })
        yield* TestClock.adjust("1 minute")
      }
      yield* started
      yield* Effect.replicateEffect(turns, 50, { discard: true })
      assert.strictEqual(yield* requests, 1440 * 20)
      assert.isBelow((yield* foreign((fs) => fs.readFileString(file))).length, 1_000_000)
    }),
    1440,
  )
  test(
    "removes the temporary file of a killed host",
    Effect.gen(function* () {
      yield* foreign((fs) => fs.makeDirectory(directory, { recursive: true }))
      yield* foreign((fs) => fs.writeFileString(`${directory}/.status.json.0123456789.new`, "{"))
      yield* foreign((fs) => fs.writeFileString(`${directory}/.config.json.0123456789.new`, "{"))
      yield* started
      assert.deepStrictEqual(yield* foreign((fs) => fs.readDirectory(directory)), [
        ".config.json.0123456789.new",
        "status.json",
      ])
    }),
  )
})

describe("StatusFile with the setting of the window", () => {
  it.effect("uses the window of the setting", () =>
    Effect.gen(function* () {
      let windowMinutes = 60
      const setting = Layer.effect(
        StatsSettings,
        Effect.map(Layer.build(StatsSettings.layer({ windowMinutes })), (context) => ({
          ...Context.get(context, StatsSettings),
          get: Effect.sync(() => ({ windowMinutes })),
        })),
      )
      yield* Effect.gen(function* () {
        yield* started
        assert.deepInclude(yield* found, { windowMinutes: 60, bucketMillis: 10_000 })
        windowMinutes = 120
        yield* seconds(2)
        assert.deepInclude(yield* found, { windowMinutes: 120, bucketMillis: 60_000 })
      }).pipe(
        Effect.scoped,
        Effect.provide(
          StatsLedger.layerMemory.pipe(
            Layer.provideMerge(Layer.mergeAll(SimulatedDisk.layer, EventBus.layer, setting)),
          ),
        ),
      )
    }),
  )
})

describe("StatusFile.began", () => {
  test(
    "shows the newest running request until it has ended",
    Effect.gen(function* () {
      const { callStarted } = yield* started
      const first = callStarted({ provider: "openai", model: "fast" })
      yield* seconds(2)
      assert.deepStrictEqual((yield* found)?.running, { provider: "openai", model: "fast" })
      const second = callStarted({ provider: "echo", model: "echo" })
      yield* seconds(2)
      assert.deepInclude((yield* found)?.running, { provider: "echo", model: "echo" })
      second()
      second()
      yield* seconds(2)
      assert.deepInclude((yield* found)?.running, { provider: "openai", model: "fast" })
      first()
      yield* seconds(2)
      assert.isUndefined((yield* found)?.running)
    }),
  )
  test(
    "removes the running request and keeps the calls when the host ends",
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { callStarted } = yield* started
          callStarted({ provider: "openai", model: "fast" })
          yield* seconds(2)
          yield* record()
        }),
      )
      assert.isUndefined((yield* found)?.running)
      assert.strictEqual(yield* requests, 1)
    }),
  )
})

describe("StatusFile on a disk that fails", () => {
  test(
    "keeps the old contents, logs the failure once, and writes when the disk works again",
    Effect.gen(function* () {
      yield* started
      const disk = yield* SimulatedDisk
      yield* disk.inject({
        at: ({ name, path }) => name === "write" && path.endsWith(".new"),
        error: "ENOSPC",
        times: 3,
      })
      yield* record()
      yield* seconds(1)
      assert.strictEqual(yield* requests, 0)
      yield* seconds(40)
      assert.strictEqual(yield* requests, 1)
      assert.lengthOf(logged, 2)
      assert.include(logged[0], "ENOSPC")
      assert.include(logged[0], file)
      assert.include(logged[1], "written again")
      assert.deepStrictEqual(yield* foreign((fs) => fs.readDirectory(directory)), ["status.json"])
    }),
  )
})

const withOtherBus = Layer.provide(EventBus.layer.pipe(Layer.fresh))
