/**
 * Cases of the failure table: a change runs on the simulated disk, and one step of it is disturbed. An outcome reads disk | memory | events |
 * result of the caller.
 */
import { assert } from "@effect/vitest"
import type { ConfigStoreError } from "@signalbox/core/ConfigError"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import type { Snapshot } from "@signalbox/core/ConfigStore"
import type { AnyEvent } from "@signalbox/core/Event"
import { FileLock } from "@signalbox/core/FileLock"
import { type Fates, type Operation, SimulatedDisk } from "@signalbox/core/testing/SimulatedDisk"
import { Cause, Deferred, Effect, Exit, Fiber, Layer, Logger, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { Bench, Config, decoding, type Process, quiet, start } from "./FailureTableHost.ts"
import { content, directory, file, litter } from "./FileConfigSourceDisk.ts"

export type Way = "error" | "crash" | "interruption" | "shutdown" | "foreign edit"
type Change = Effect.Effect<Snapshot<unknown>, ConfigStoreError, Config>
type World = SimulatedDisk | FileLock

export const edit = (...edits: ReadonlyArray<readonly [path: string, value: unknown]>): Change =>
  Effect.flatMap(Config, (store) => store.update(edits.map(([path, value]) => ({ path, value }))))
export const seven = edit(["/days", 7])
export const withoutEffect = edit(["/port", 80])

/** With the hash of the document that the caller has seen: the first one. */
export const sevenIfUnchanged: Change = Effect.flatMap(Config, (store) =>
  Effect.flatMap(store.snapshot, ({ hash }) => store.update([{ path: "/days", value: 7 }], { ifHash: hash })),
)

/** What an editor that had opened the first document saves, by renaming over it. */
const saveTheirs = Effect.flatMap(SimulatedDisk, ({ foreign }) =>
  Effect.gen(function* () {
    const opened = yield* foreign.readFileString(`${directory}/opened`)
    const saving = yield* foreign.open(`${directory}/4913`, { flag: "w" })
    yield* saving.writeAll(new TextEncoder().encode(opened.replace("{}", '{ "theirs": "x" }')))
    yield* saving.sync
    yield* foreign.rename(`${directory}/4913`, file)
  }).pipe(Effect.scoped, Effect.orDie),
)

const nameOf = (text: string) => {
  const port = text.includes('"port"') ? "+port" : ""
  return (text.includes('"days": 7') ? "new" : "old") + port + (text.includes("theirs") ? "+theirs" : "")
}

interface Setup {
  readonly way: Way
  readonly change?: Change
  readonly code?: string
  readonly fates?: Fates
  readonly seed?: number
  /** Prepares the process and answers whether the place was reached. */
  readonly at: (cell: Cell) => Effect.Effect<void, never, World | Scope.Scope>
}
interface Cell {
  readonly process: Process
  readonly bench: Bench["Service"]
  readonly setup: Setup
  /** Does what the way says, as a power cut or as another fiber or program would; an error is the place's own matter. */
  readonly act: Effect.Effect<void, never, World>
  readonly actNow: () => void
  reached: boolean
}

/** One cell of the table. */
const run = (setup: Setup) =>
  Effect.gen(function* () {
    const disk = yield* SimulatedDisk
    const process = yield* start
    yield* quiet
    const bench = yield* process.run(Bench)
    bench.events.length = 0
    bench.published.length = 0
    const first = yield* content
    yield* Effect.orDie(disk.foreign.writeFileString(`${directory}/opened`, first))
    const services = yield* Effect.context<World>()
    const caller = yield* Deferred.make<Fiber.Fiber<Snapshot<unknown>, ConfigStoreError>>()
    let crashed = false
    const act: Effect.Effect<void, never, World> = Effect.suspend(() => {
      if (cell.reached) return Effect.void
      cell.reached = true
      switch (setup.way) {
        case "error":
          return Effect.void
        case "crash":
          crashed = true
          return disk.crash(setup.fates ?? "random")
        case "interruption":
          return Effect.flatMap(Deferred.await(caller), (fiber) =>
            Effect.asVoid(Effect.forkDetach(Fiber.interrupt(fiber))),
          )
        case "shutdown":
          crashed = true
          return Effect.asVoid(Effect.forkDetach(process.end))
        case "foreign edit":
          return saveTheirs
      }
    })
    const cell: Cell = {
      process,
      bench,
      setup,
      act,
      actNow: () => Effect.runSyncWith(services)(act),
      reached: false,
    }
    const exit = yield* Effect.scoped(
      Effect.gen(function* () {
        yield* setup.at(cell)
        const fiber = yield* Effect.forkChild(process.run(setup.change ?? seven))
        yield* Deferred.succeed(caller, fiber)
        return yield* Fiber.await(fiber)
      }),
    )
    decoding.run = () => {}
    crashed ||= yield* Effect.map(Effect.exit(Effect.timeout(disk.crashed, 0)), Exit.isSuccess)
    const answered = crashed ? "" : yield* content
    const outcome = yield* crashed ? afterCrash(process, bench, setup.way) : afterwards(process, bench.events)
    const answer = answerOf(exit)
    // What was acknowledged is there after the next power cut as well, and nothing is left behind.
    const before = yield* content
    yield* process.end
    yield* disk.calm
    yield* disk.crash("random")
    yield* disk.restart
    const next = yield* start
    const { foreign } = disk
    yield* Effect.orDie(foreign.remove(`${directory}/opened`, { force: true }))
    yield* Effect.orDie(foreign.remove(`${directory}/4913`, { force: true }))
    const report = yield* disk.report
    const survived = yield* content
    // An editor does not sync the directory: its save may go, and then what was acknowledged must be there.
    if (answer === "snapshot" && ![answered, before].includes(survived))
      assert.match(nameOf(survived), /new|port/, report)
    assert.deepStrictEqual(yield* litter, [], report)
    yield* next.end
    return { reached: cell.reached, outcome: `${outcome} | ${answer}`, report }
  }).pipe(
    Effect.provide(
      Layer.mergeAll(SimulatedDisk.layerWith({ seed: setup.seed ?? 1 }), Logger.layer([]), FileLock.layerMemory),
    ),
  )

const said = (events: ReadonlyArray<AnyEvent>) =>
  events
    .map((event) => event._tag)
    .filter((tag) => tag.startsWith("config."))
    .join(", ") || "none"

const afterwards = (process: Process, events: ReadonlyArray<AnyEvent>) =>
  Effect.gen(function* () {
    yield* quiet
    yield* TestClock.adjust("1 minute")
    yield* quiet
    const { config } = yield* process.run(Effect.flatMap(Config, (store) => store.snapshot))
    const theirs = Object.hasOwn(config.models, "theirs") ? "+theirs" : ""
    const memory = (config.days === 7 ? "new" : "old") + theirs
    const disk = nameOf(yield* content)
    const kept = yield* process.run(
      Effect.flatMap(ConfigSource, ({ history }) =>
        Effect.flatMap(history.list, (entries) => Effect.forEach(entries, ({ hash }) => history.read(hash))),
      ),
    )
    const inHistory = kept.some((stored) => nameOf(stored?.text ?? "") === "old+theirs")
    return `${disk} | ${memory}${inHistory && theirs === "" ? ", theirs kept" : ""} | ${said(events)}`
  })

/** The process is gone: what the next one finds, serves and says; after an orderly end, what the one before has said. */
const afterCrash = (process: Process, before: Bench["Service"], way: Way) =>
  Effect.gen(function* () {
    const disk = yield* SimulatedDisk
    yield* process.end
    yield* disk.restart
    const next = yield* start
    yield* quiet
    const { events } = yield* next.run(Bench)
    const result = yield* afterwards(next, way === "shutdown" ? before.published : events)
    yield* next.end
    return result
  })

const answerOf = (exit: Exit.Exit<unknown, ConfigStoreError>): string => {
  if (Exit.isSuccess(exit)) return "snapshot"
  const error = Cause.squash(exit.cause) as { readonly reason?: { readonly _tag: string } }
  if (error.reason !== undefined) return error.reason._tag
  return Cause.hasInterruptsOnly(exit.cause) ? "went away" : "died"
}

// ── places ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export type Step = "read" | "re-read" | "temporary" | "rename" | "after rename" | "history"

/** Which row an operation of a write belongs to. */
const steps = () => {
  let step: Step = "read"
  return ({ name, path, to }: Operation): Step => {
    if (step === "read" && name === "lstat") step = "re-read"
    if (step === "re-read" && path.endsWith(".new")) step = "temporary"
    if (step === "temporary" && name === "lstat") step = "rename"
    if (step === "after rename" && name === "lstat") step = "history"
    const now = step
    if (step === "rename" && (name === "exchange" || (name === "rename" && to === file))) step = "after rename"
    return now
  }
}

/** The `nth` operation of a step of the write. */
const at =
  (step: Step, nth: number, narrow: (operation: Operation) => boolean = () => true): Setup["at"] =>
  (cell) =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      const services = yield* Effect.context<World>()
      const stepOf = steps()
      let count = 0
      yield* disk.before((operation) => {
        const there = stepOf(operation) === step && narrow(operation) && ++count === nth
        if (!there || cell.reached) return Effect.void
        const { code = "EIO", fates = "random", way } = cell.setup
        if (way === "error") {
          return Effect.andThen(
            disk.inject({ at: operation.number, error: code }),
            Effect.provideContext(cell.act, services),
          )
        }
        if (way !== "crash") return Effect.provideContext(cell.act, services)
        cell.reached = true
        return disk.inject({ at: operation.number, crash: fates })
      })
    })

/** Inside a change, where no operation of the disk takes place. */
export const inDecoding: Setup["at"] = (cell) =>
  Effect.sync(() => {
    decoding.run = cell.actNow
  })
export const inPreparing: Setup["at"] = (cell) =>
  Effect.map(Effect.context<World>(), (services) => {
    const act = Effect.provideContext(cell.act, services)
    cell.bench.building = cell.setup.way === "error" ? Effect.andThen(act, Effect.fail("refused")) : act
  })
export const inCommitting: Setup["at"] = (cell) =>
  Effect.sync(() => {
    cell.bench.committing = () => {
      cell.actNow()
      if (cell.setup.way === "error") throw new Error("an observer has failed")
    }
  })
const dying =
  (name: "publishing" | "releasing"): Setup["at"] =>
  (cell) =>
    Effect.map(Effect.context<World>(), (services) => {
      const act = Effect.provideContext(cell.act, services)
      cell.bench[name] = cell.setup.way === "error" ? Effect.andThen(act, Effect.die(`${name} has failed`)) : act
    })
export const inPublishing = dying("publishing")
export const inReleasing = dying("releasing")
/** While another process holds the lock, and the change waits for it. */
export const inLocking: Setup["at"] = (cell) =>
  Effect.gen(function* () {
    const lock = yield* FileLock
    yield* Effect.gen(function* () {
      yield* lock.acquire(`${file}.lock`)
      yield* quiet
      yield* cell.act
      if (cell.setup.way === "error") yield* TestClock.adjust("1 minute")
    }).pipe(Effect.scoped, Effect.orDie, Effect.forkScoped({ startImmediately: true }))
  })

/** The outcomes of a way at every operation of a step. */
const sweep = (step: Step, setup: Omit<Setup, "at">, narrow?: (operation: Operation) => boolean) =>
  Effect.gen(function* () {
    const outcomes = new Set<string>()
    for (let nth = 1; ; nth++) {
      const result = yield* run({ seed: nth, ...setup, at: at(step, nth, narrow) })
      if (!result.reached) return [...outcomes].sort()
      outcomes.add(result.outcome)
    }
  })

/** Every operation of the step was tried, and these are all the outcomes there are. */
export const expectSweep = (
  step: Step,
  setup: Omit<Setup, "at"> & { readonly narrow?: (operation: Operation) => boolean },
  ...expected: ReadonlyArray<string>
) => Effect.map(sweep(step, setup, setup.narrow), (outcomes) => assert.deepStrictEqual(outcomes, [...expected].sort()))
export const expectAt = (place: Setup["at"], setup: Omit<Setup, "at">, expected: string) =>
  Effect.map(run({ ...setup, at: place }), ({ outcome, reached, report }) => {
    assert.strictEqual(outcome, expected, report)
    assert.isTrue(reached, "the place was not reached")
  })
