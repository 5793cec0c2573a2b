/** Compares recording with a bare write and with rewriting a file under a lock, and a repeated snapshot with one from the beginning. */
import {
  appendFileSync,
  closeSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { EventBus } from "@signalbox/core/EventBus"
import { type LedgerEntry, normalize } from "@signalbox/core/LedgerEntry"
import { encodeLine } from "@signalbox/core/LedgerLine"
import { segmentName } from "@signalbox/core/SegmentName"
import { StatsLedger, StatsSettings } from "@signalbox/core/StatsLedger"
import { Flock } from "@signalbox/node/Flock"
import * as NodeSegmentStorage from "@signalbox/node/NodeSegmentStorage"
import { Context, Effect, Layer, ManagedRuntime } from "effect"
import { interleave, report } from "./measure.ts"

const RECORDS = 50_000
const REWRITTEN = 10_000
const SCANNED = 1_000_000
const AGAIN = 20

const entry: LedgerEntry = normalize(
  {
    provider: "openai",
    model: "fast",
    upstream: "gpt-4.1-2025-04-14",
    key: "key_4f8a",
    project: "signalbox",
    bytesSent: 18_234,
    bytesReceived: 5678,
    inputTokens: 4321,
    outputTokens: 987,
    cacheReadTokens: 2048,
    reasoningTokens: 256,
    status: 200,
    latencyMillis: 2345,
    timeToFirstTokenMillis: 321,
  },
  Date.now(),
)

const ledgerAt = (directory: string) =>
  StatsLedger.layer.pipe(
    Layer.provide(Layer.mergeAll(NodeSegmentStorage.layerAt(directory), EventBus.layer)),
    Layer.provideMerge(Layer.merge(Flock.layer, StatsSettings.layer({ windowMinutes: 60 }))),
    Layer.fresh,
  )

export const run = async (): Promise<void> => {
  const root = mkdtempSync(join(tmpdir(), "signalbox-bench-ledger-"))
  try {
    await recording(root)
    await reading(root)
  } finally {
    rmSync(root, { recursive: true })
  }
}

const recording = async (root: string): Promise<void> => {
  const directory = join(root, "recording")
  const runtime = ManagedRuntime.make(ledgerAt(directory))
  mkdirSync(directory)
  const fd = openSync(join(root, "bare"), "a")
  try {
    const context = await runtime.context()
    const ledger = Context.get(context, StatsLedger)
    const recordAll = Effect.gen(function* () {
      for (let i = 0; i < RECORDS; i++) yield* ledger.record(entry)
      return RECORDS
    })
    const rewrite = rewriter(root, Context.get(context, Flock))
    const each = await interleave(
      {
        ours: () => {
          // Both start with an empty file: the dirty pages of a growing file would slow down the next case.
          for (const file of readdirSync(directory)) truncateSync(join(directory, file))
          return runtime.runPromise(recordAll)
        },
        bare: () => {
          ftruncateSync(fd)
          for (let i = 0; i < RECORDS; i++) writeSync(fd, JSON.stringify(entry))
          return RECORDS
        },
      },
      20,
    )
    const file = await interleave({ rewrite: () => rewrite(5, false), durable: () => rewrite(5, true) }, 5)
    report("ledger: record, how many times as fast", [
      { name: "as writeSync(JSON.stringify(entry))", ratio: each.bare / each.ours, target: ["≥", 0.85] },
      { name: `as rewriting ${REWRITTEN} entries under a lock`, ratio: file.rewrite / each.ours, target: ["≥", 500] },
      { name: "as rewriting them with fsync", ratio: file.durable / each.ours },
    ])
  } finally {
    closeSync(fd)
    await runtime.dispose()
  }
}

/** Updates a stats.json: reads it, appends an entry, drops the oldest, and replaces the file. */
const rewriter = (root: string, flock: Flock["Service"]) => {
  const path = join(root, "stats.json")
  const lock = openSync(join(root, "stats.lock"), "a")
  writeFileSync(path, JSON.stringify({ version: 1, events: Array.from({ length: REWRITTEN }, () => entry) }))
  return (times: number, durable: boolean): number => {
    for (let i = 0; i < times; i++) {
      if (!flock.tryLockSync(lock, "exclusive")) throw new Error("the lock is not free")
      const stats = JSON.parse(readFileSync(path, "utf8")) as { readonly events: Array<LedgerEntry> }
      stats.events.push(entry)
      stats.events.shift()
      const fd = openSync(`${path}.tmp`, "w")
      writeSync(fd, JSON.stringify(stats))
      if (durable) fsyncSync(fd)
      closeSync(fd)
      renameSync(`${path}.tmp`, path)
      flock.unlockSync(lock)
    }
    return times
  }
}

const reading = async (root: string): Promise<void> => {
  const directory = join(root, "reading")
  mkdirSync(directory)
  fill(directory)
  const follower = ManagedRuntime.make(ledgerAt(directory))
  try {
    const ledger = Context.get(await follower.context(), StatsLedger)
    await follower.runPromise(ledger.snapshot())
    const recordSome = Effect.gen(function* () {
      for (let i = 0; i < 100; i++) yield* ledger.record(entry)
    })
    const again = { nanos: Number.POSITIVE_INFINITY }
    const each = await interleave(
      {
        fresh: async () => {
          const runtime = ManagedRuntime.make(ledgerAt(directory))
          const { totals } = await runtime.runPromise(Effect.flatMap(StatsLedger, (fresh) => fresh.snapshot()))
          if (totals.requests < SCANNED) throw new Error(`only ${totals.requests} entries counted`)
          await runtime.dispose()
          return 1
        },
        parse: () => {
          let requests = 0
          for (const file of readdirSync(directory)) {
            for (const line of readFileSync(join(directory, file), "latin1").split("\n")) {
              if (line !== "" && JSON.parse(line).time > 0) requests++
            }
          }
          if (requests < SCANNED) throw new Error(`only ${requests} entries counted`)
          return 1
        },
        again: async () => {
          let nanos = 0
          for (let i = 0; i < AGAIN; i++) {
            await follower.runPromise(recordSome)
            const start = process.hrtime.bigint()
            await follower.runPromise(ledger.snapshot())
            nanos += Number(process.hrtime.bigint() - start) / AGAIN
          }
          again.nanos = Math.min(again.nanos, nanos)
          return AGAIN
        },
      },
      3,
    )
    report(`ledger: a snapshot after 100 new entries among ${SCANNED}, as part of`, [
      { name: "a snapshot from the beginning", ratio: again.nanos / each.fresh, target: ["≤", 1 / 200] },
      { name: "JSON.parse of all lines", ratio: again.nanos / each.parse, target: ["≤", 1 / 200] },
    ])
    report("ledger: a snapshot from the beginning", [
      { name: "against JSON.parse of all lines", ratio: each.fresh / each.parse },
    ])
  } finally {
    await follower.dispose()
  }
}

/** Writes a million calls of 20 groups within the last 55 minutes to the segments of their hours. */
const fill = (directory: string): void => {
  const now = Date.now()
  for (let done = 0; done < SCANNED; done += 10_000) {
    const lines = new Map<string, string>()
    for (let i = done; i < done + 10_000; i++) {
      const time = now - Math.floor((1 - i / SCANNED) * 55 * 60_000)
      const call = { ...entry, time, model: `model-${i % 5}`, key: `key_${i % 4}`, latencyMillis: (i * 7919) % 20_000 }
      const name = segmentName(Math.floor(time / 3_600_000) * 3_600_000)
      lines.set(name, (lines.get(name) ?? "") + encodeLine(call, now))
    }
    for (const [name, text] of lines) appendFileSync(join(directory, `${name}.entries`), text)
  }
}
