import fs, { copyFileSync, existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { syncBuiltinESMExports } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import { SegmentStorage } from "@signalbox/core/SegmentStorage"
import { StatsLedger, StatsSettings } from "@signalbox/core/StatsLedger"
import { Flock, FlockError } from "@signalbox/node/Flock"
import * as NodeSegmentStorage from "@signalbox/node/NodeSegmentStorage"
import { ConfigProvider, Context, Effect, Layer, Logger, Queue, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { vi } from "vitest"
import { start } from "./processes/Process.ts"
import { setClock } from "./processes/SharedClock.ts"

const missing = new FlockError({ code: "ENOSYS", detail: "no locks here" })
const refuse = (): never => {
  throw missing
}
const noLocks = Flock.of({
  mechanism: "none",
  tryLock: () => Effect.fail(missing),
  lock: () => Effect.fail(missing),
  tryLockSync: refuse,
  unlockSync: refuse,
})

const hour = 3_600_000
/** A full hour, 05:00. */
const base = 1_795_237_200_000
const call = { provider: "openai", model: "fast", inputTokens: 7 }

const directory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "signalbox-segments-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true })),
)

/** A ledger over a directory, with the best locks of this machine. */
const ledgerAt = (path: string, flock: Layer.Layer<Flock> = Flock.layer) =>
  StatsLedger.layer.pipe(
    Layer.provideMerge(NodeSegmentStorage.layerAt(path)),
    Layer.provide(Layer.mergeAll(flock, EventBus.layer, StatsSettings.layer({ windowMinutes: 60 }))),
    Layer.fresh,
  )

const open = (path: string, flock?: Layer.Layer<Flock>) => Layer.build(ledgerAt(path, flock))
const total = Effect.fnUntraced(function* (context: Context.Context<StatsLedger>) {
  const { foreignLines, totals } = yield* Context.get(context, StatsLedger).snapshot({ window: "1 day" })
  return { requests: totals.requests, tokens: totals.inputTokens, foreignLines }
})

const test = (title: string, body: (root: string) => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.effect(title, () => Effect.andThen(TestClock.setTime(base), Effect.flatMap(directory, body)))

describe("NodeSegmentStorage on a real directory", () => {
  test("creates the directory with mode 0700 and its files with 0600", (root) =>
    Effect.gen(function* () {
      const path = join(root, "a", "ledger")
      const context = yield* open(path)
      yield* Context.get(context, StatsLedger).record(call)
      yield* Context.get(context, SegmentStorage).setAside(["?"])
      yield* TestClock.adjust(2 * hour)
      yield* Context.get(context, StatsLedger).compact
      const modes = [path, join(path, "2026-11-21T05.minutes"), join(path, "foreign.lines")].map((file) =>
        (statSync(file).mode & 0o777).toString(8),
      )
      assert.deepStrictEqual(modes, ["700", "600", "600"])
      yield* Context.get(context, StatsLedger).record(call)
      assert.strictEqual((statSync(join(path, "2026-11-21T07.entries")).mode & 0o777).toString(8), "600")
    }))

  test("places a program's ledger in its data directory", (root) =>
    Effect.gen(function* () {
      const name = yield* Effect.map(SegmentStorage, (storage) => storage.name).pipe(
        Effect.provide(
          NodeSegmentStorage.layerFor("app").pipe(
            Layer.provide(
              Layer.merge(Flock.layer, ConfigProvider.layer(ConfigProvider.fromEnv({ env: { XDG_DATA_HOME: root } }))),
            ),
          ),
        ),
      )
      assert.strictEqual(name, join(root, "app", "ledger"))
    }))

  test("counts every entry once after a compactor died at any step, and the next one removes the rest", (root) =>
    Effect.gen(function* () {
      const [entries, rollUp, unfinished] = [".entries", ".minutes", ".minutes.tmp"].map((ending) =>
        join(root, `2026-11-21T05${ending}`),
      ) as [string, string, string]
      const old = yield* open(root)
      for (let i = 0; i < 3; i++) yield* Context.get(old, StatsLedger).record(call)
      const expected = { requests: 3, tokens: 21, foreignLines: 0 }
      yield* TestClock.adjust(2 * hour)
      assert.deepStrictEqual(yield* total(old), expected)
      const everyone = Effect.gen(function* () {
        assert.deepStrictEqual(yield* total(old), expected)
        assert.deepStrictEqual(yield* total(yield* open(root)), expected)
      })

      // While the roll-up is written.
      writeFileSync(unfinished, '{"v":1,"segment":"2026-11-')
      yield* everyone
      copyFileSync(entries, join(root, "kept"))
      yield* Context.get(old, StatsLedger).compact
      assert.deepStrictEqual([existsSync(entries), existsSync(rollUp), existsSync(unfinished)], [false, true, false])
      yield* everyone

      // After the rename of the roll-up, before the segment is removed.
      copyFileSync(join(root, "kept"), entries)
      yield* everyone
      assert.deepStrictEqual(Context.get(old, SegmentStorage).open("2026-11-21T05"), { _tag: "Replaced" })
      assert.deepStrictEqual(yield* Context.get(old, StatsLedger).compact, { segments: 0, entries: 0 })
      assert.deepStrictEqual([existsSync(entries), existsSync(rollUp)], [false, true])
      yield* everyone

      // A damaged roll-up is created again while the segment exists.
      copyFileSync(join(root, "kept"), entries)
      truncateSync(rollUp, 40)
      assert.deepStrictEqual(yield* Context.get(old, StatsLedger).compact, { segments: 1, entries: 3 })
      yield* everyone.pipe(Effect.andThen(Effect.sync(() => assert.isFalse(existsSync(entries)))))
    }))

  test("writes and reads entries without locks, and never replaces a segment", (root) =>
    Effect.gen(function* () {
      const context = yield* open(root, Layer.succeed(Flock)(noLocks))
      yield* Context.get(context, StatsLedger).record(call)
      yield* TestClock.adjust(3 * hour)
      assert.isFalse(Context.get(context, SegmentStorage).isProtected)
      assert.deepStrictEqual(yield* Context.get(context, StatsLedger).compact, { segments: 0, entries: 0 })
      assert.isTrue(existsSync(join(root, "2026-11-21T05.entries")))
      assert.strictEqual((yield* total(context)).requests, 1)
    }))

  test("does not replace a segment that flock(1) holds", (root) =>
    Effect.gen(function* () {
      const context = yield* open(root)
      yield* Context.get(context, StatsLedger).record(call)
      const segment = join(root, "2026-11-21T05.entries")
      const holder = yield* start("flock", ["-s", "-n", segment, "sh", "-c", "echo held; exec cat"])
      assert.strictEqual(yield* Queue.take(holder.lines), "held")
      yield* TestClock.adjust(3 * hour)
      assert.strictEqual((yield* Context.get(context, StatsLedger).compact).segments, 0)
      holder.child.stdin?.end()
      yield* holder.exit
      assert.strictEqual((yield* Context.get(context, StatsLedger).compact).segments, 1)
    }))

  test("records into a new directory after the old one was removed", (root) =>
    Effect.gen(function* () {
      const path = join(root, "ledger")
      const context = yield* open(path)
      yield* Context.get(context, StatsLedger).record(call)
      rmSync(path, { recursive: true })
      yield* TestClock.adjust("1 second")
      yield* Context.get(context, StatsLedger).record(call)
      assert.strictEqual(readFileSync(join(path, "2026-11-21T05.entries"), "utf8").split("\n").length, 2)
      assert.strictEqual((yield* total(context)).requests, 1)
    }))

  test("fails the snapshot, and never the recording, if the directory cannot be read", (root) =>
    Effect.gen(function* () {
      const path = join(root, "ledger")
      const context = yield* open(path)
      writeFileSync(path, "a file")
      yield* Context.get(context, StatsLedger).record(call)
      const error = yield* Effect.flip(Context.get(context, StatsLedger).snapshot())
      assert.strictEqual(error._tag, "SegmentsUnavailable")
      rmSync(path)
      yield* Context.get(context, StatsLedger).record(call)
      assert.strictEqual((yield* total(context)).requests, 2)
    }))

  test("reads all other lines after the system cut a write in the middle of a line", (root) =>
    Effect.gen(function* () {
      const [path, clock] = [join(root, "ledger"), join(root, "clock")]
      setClock(clock)(base)
      const program = [
        process.execPath,
        "--conditions=@signalbox/source",
        join(import.meta.dirname, "processes/record.ts"),
      ]
      const args = [path, clock, "limited", "3000", join(root, "acknowledged")]
      // The limit of 64 KiB cuts the write, and the next one fails. Node ignores the signal.
      const child = yield* start("bash", ["-c", 'ulimit -f 64; exec "$@"', "-", ...program, ...args])
      assert.strictEqual(yield* child.exit, 0)
      const segment = join(path, "2026-11-21T05.entries")
      const text = readFileSync(segment, "utf8")
      assert.isFalse(text.endsWith("\n"))
      const context = yield* open(path)
      yield* Context.get(context, StatsLedger).record(call)
      const { foreignLines, requests } = yield* total(context)
      assert.strictEqual(requests, text.split("\n").length - 1 + 1)
      assert.strictEqual(foreignLines, 1)
      // Recording continued in memory.
      assert.strictEqual(statSync(join(root, "acknowledged")).size, 3000)
    }))

  test("syncs the segment, its name and the name of its directory", (root) =>
    Effect.gen(function* () {
      const path = join(root, "ledger")
      const context = yield* open(path)
      yield* Context.get(context, StatsLedger).record(call)
      const synced: Array<string> = []
      const { open: openFile } = fs.promises
      const opening = vi.spyOn(fs.promises, "open").mockImplementation(async (file, ...rest) => {
        const handle = await openFile(file, ...rest)
        for (const operation of ["sync", "datasync"] as const) {
          const run = handle[operation].bind(handle)
          handle[operation] = () => {
            synced.push(`${operation} ${file}`)
            return run()
          }
        }
        return handle
      })
      yield* Effect.ensuring(
        Context.get(context, SegmentStorage).sync("2026-11-21T05"),
        Effect.sync(() => opening.mockRestore()),
      )
      assert.deepStrictEqual(synced, [
        `datasync ${join(path, "2026-11-21T05.entries")}`,
        `sync ${path}`,
        `sync ${root}`,
      ])
    }))

  const operations = ["openSync", "writeSync", "statSync", "fstatSync", "mkdirSync", "closeSync"] as const
  for (const operation of operations) {
    test(`records although each \`${operation}\` fails, and writes the entries afterwards`, (root) =>
      Effect.gen(function* () {
        const path = join(root, "ledger")
        const context = yield* open(path)
        const { record } = Context.get(context, StatsLedger)
        for (const code of ["EACCES", "EIO", "EINTR", "EMFILE", "ESTALE"]) {
          const failing = vi.spyOn(fs, operation).mockImplementation(() => {
            throw Object.assign(new Error(code), { code })
          })
          syncBuiltinESMExports()
          // The open segment is checked after a second; another hour needs another one.
          yield* Effect.gen(function* () {
            yield* TestClock.adjust("1 second")
            yield* record(call)
            yield* TestClock.adjust(hour)
            yield* record(call)
          }).pipe(
            Effect.ensuring(
              Effect.sync(() => {
                failing.mockRestore()
                syncBuiltinESMExports()
              }),
            ),
          )
          yield* TestClock.adjust("1 second")
          yield* record(call)
        }
        assert.strictEqual((yield* total(context)).requests, 15)
      }).pipe(Effect.provide(Logger.layer([]))))
  }
})
