import { readdirSync, readFileSync, statSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import { StatsLedger, StatsSettings } from "@signalbox/core/StatsLedger"
import { segmentStorageSuite } from "@signalbox/core/testing/SegmentStorageSuite"
import { statsLedgerSuite } from "@signalbox/core/testing/StatsLedgerSuite"
import { Flock } from "@signalbox/node/Flock"
import * as NodeSegmentStorage from "@signalbox/node/NodeSegmentStorage"
import { Effect, Latch, Layer, Queue, Random } from "effect"
import { TestClock } from "effect/testing"
import { script } from "./processes/Process.ts"
import { clockFrom, setClock } from "./processes/SharedClock.ts"

const directory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "signalbox-ledger-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true })),
)

const on = (flock: Layer.Layer<Flock>) =>
  Layer.unwrap(Effect.map(directory, NodeSegmentStorage.layerAt)).pipe(Layer.provide(flock))

segmentStorageSuite("NodeSegmentStorage with the kernel's call", on(Flock.layerKernel))
segmentStorageSuite("NodeSegmentStorage with the flock program", on(Flock.layerProgram))
statsLedgerSuite("StatsLedger on NodeSegmentStorage", on(Flock.layer))

const ledgerAt = (path: string) =>
  StatsLedger.layer.pipe(
    Layer.provide(Layer.mergeAll(NodeSegmentStorage.layerAt(path), EventBus.layer)),
    Layer.provide(Layer.merge(Flock.layer, StatsSettings.layer({ windowMinutes: 60 }))),
    Layer.fresh,
  )

const hour = 3_600_000
/** A full hour. */
const base = 1_795_237_200_000
const torture = process.env["SIGNALBOX_TORTURE"] === "1"
const [writers, timesEach, hours] = torture ? [8, 20_000, 22] : [6, 3_000, 22]

/** The count and the sums of each key in the files, read with `JSON.parse` alone. */
const scan = (path: string) => {
  const sums = new Map<string, { requests: number; numbers: number }>()
  const add = (key: string, requests: number, numbers: number) => {
    const sum = sums.get(key) ?? { requests: 0, numbers: 0 }
    sums.set(key, { requests: sum.requests + requests, numbers: sum.numbers + numbers })
  }
  const files = readdirSync(path)
  for (const file of files) {
    const lines = () =>
      readFileSync(join(path, file), "utf8")
        .split("\n")
        .filter((line) => line !== "")
    if (file.endsWith(".minutes")) {
      for (const line of lines().slice(1)) {
        const row = JSON.parse(line)
        add(row.key, row.requests, row.input)
      }
    } else if (file.endsWith(".entries") && !files.includes(file.replace(".entries", ".minutes"))) {
      // The unfinished last line does not count yet.
      for (const line of readFileSync(join(path, file), "utf8").split("\n").slice(0, -1)) {
        if (line === "") continue
        // A kill tears a write at a page boundary; the next line follows directly.
        const torn = line.slice(0, line.lastIndexOf('{"v":1,'))
        const entry = JSON.parse(line.slice(torn.length))
        add(entry.key, 1, entry.input ?? 0)
      }
    }
  }
  return sums
}

/** The present acknowledgements, one byte each. */
const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0

interface Run {
  readonly ledgerPath: string
  readonly clockPath: string
  readonly root: string
  /** Every used key, and whether its process was killed. */
  readonly keys: Map<string, "alive" | "killed" | "done">
  /** Opened by the n-th death of a compactor. */
  readonly deaths: ReadonlyArray<Latch.Latch>
  readonly progressed: () => void
  /** Opened after each recorded entry. */
  readonly progress: Latch.Latch
}

/** Runs one process under one key until it is done or killed after so many entries. Returns the number of acknowledgements. */
const record = Effect.fnUntraced(function* (run: Run, key: string, times: number, killAfter?: number) {
  const file = join(run.root, key)
  run.keys.set(key, "alive")
  const process = yield* script("record.ts", [run.ledgerPath, run.clockPath, key, String(times), file])
  let seen = 0
  yield* Queue.take(process.lines).pipe(
    Effect.tap(() =>
      Effect.sync(() => {
        seen += 200
        run.progressed()
        if (killAfter !== undefined && seen >= killAfter) process.child.kill("SIGKILL")
      }),
    ),
    Effect.forever,
    Effect.ignore,
  )
  assert.strictEqual(yield* process.exit, killAfter === undefined ? 0 : "SIGKILL")
  run.keys.set(key, killAfter === undefined ? "done" : "killed")
  return sizeOf(file)
})

/** The first process of a slot is killed at a random moment; the second records the rest. */
const writer = Effect.fnUntraced(function* (run: Run, slot: number) {
  // The later slots wait for deaths of compactors, so that both overlap.
  if (slot >= 4) yield* run.deaths[slot - 4]!.await
  const killAfter = yield* Random.nextIntBetween(1000, timesEach - 5000)
  const first = yield* record(run, `${slot}-a`, Number.MAX_SAFE_INTEGER, killAfter)
  yield* record(run, `${slot}-b`, Math.max(0, timesEach - first))
}, Effect.scoped)

/** Runs a compactor that dies just before or after a random step on the disk, and restarts it. */
const compactor = (run: Run, died: () => void) =>
  Effect.gen(function* () {
    const moments = yield* Random.nextIntBetween(1, 25)
    const process = yield* script("compact.ts", [run.ledgerPath, run.clockPath, String(moments)])
    assert.strictEqual(yield* process.exit, "SIGKILL")
    died()
  }).pipe(Effect.scoped, Effect.forever)

/** Reads repeatedly at the same time: at least the acknowledged entries, at most those and the ones under way. */
const watch = (run: Run, looked: () => void) =>
  Effect.gen(function* () {
    const ledger = yield* StatsLedger
    const acknowledged = () => [...run.keys.keys()].reduce((sum, key) => sum + sizeOf(join(run.root, key)), 0)
    const look = Effect.gen(function* () {
      const before = acknowledged()
      const { totals } = yield* ledger.snapshot({ window: "1 day" })
      const after = acknowledged() + run.keys.size
      assert.isTrue(before <= totals.requests && totals.requests <= after, `${before} ≤ ${totals.requests} ≤ ${after}`)
      looked()
      yield* run.progress.await
      run.progress.closeUnsafe()
    })
    return yield* Effect.forever(look)
  }).pipe(Effect.provide(Layer.provide(ledgerAt(run.ledgerPath), clockFrom(run.clockPath))))

/** Files and snapshot contain each acknowledged entry of each key once. */
const verify = Effect.fnUntraced(function* (run: Run) {
  const ledger = yield* StatsLedger
  const { foreignLines, keys } = yield* ledger.snapshot({ window: "1 day" })
  const counted = scan(run.ledgerPath)
  assert.isAtMost(foreignLines, [...run.keys.values()].filter((state) => state === "killed").length)
  for (const [key, state] of run.keys) {
    const count = sizeOf(join(run.root, key))
    const { numbers, requests } = counted.get(key) ?? { requests: 0, numbers: 0 }
    // The entry that was under way at the kill may exist or not.
    assert.include(state === "killed" ? [count, count + 1] : [count], requests, `${key} in the files`)
    assert.strictEqual(numbers, (requests * (requests - 1)) / 2, `${key}: not each number once`)
    assert.strictEqual(keys[key]?.requests ?? 0, requests, `${key} in the snapshot`)
    assert.strictEqual(keys[key]?.inputTokens ?? 0, numbers, `${key} in the snapshot`)
  }
})

describe("StatsLedger in many processes", () => {
  it.effect(
    "loses no acknowledged entry and counts none twice while writing processes and two compactors are killed",
    () =>
      Effect.gen(function* () {
        const root = yield* directory
        const [ledgerPath, clockPath] = [join(root, "ledger"), join(root, "clock")]
        const setTime = setClock(clockPath)
        setTime(base)
        const count = { progress: 0, deaths: 0, looks: 0 }
        const deaths = Array.from({ length: 4 }, () => Latch.makeUnsafe(false))
        const progress = Latch.makeUnsafe(false)
        const progressed = () => {
          count.progress += 200
          progress.openUnsafe()
          setTime(base + Math.floor(Math.min(1, count.progress / (writers * timesEach)) * hours * hour))
        }
        const died = () => void deaths[count.deaths++]?.openUnsafe()
        const run: Run = { root, ledgerPath, clockPath, keys: new Map(), deaths, progressed, progress }

        const slots = Array.from({ length: writers }, (_, slot) => writer(run, slot))
        yield* Effect.raceAllFirst([
          Effect.all(slots, { concurrency: writers }),
          compactor(run, died),
          compactor(run, died),
          watch(run, () => void count.looks++),
        ])

        yield* TestClock.setTime(base + 24 * hour)
        yield* Effect.gen(function* () {
          yield* verify(run)
          yield* (yield* StatsLedger).compact
          assert.deepStrictEqual(
            readdirSync(ledgerPath).filter((file) => !file.endsWith(".minutes") && file !== "foreign.lines"),
            [],
          )
          yield* verify(run)
        }).pipe(Effect.provide(ledgerAt(ledgerPath)))
        assert.isAtLeast(count.looks, 10)
      }),
    torture ? 600_000 : 60_000,
  )
})
