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
import { Config, decoding, Hooks, type Process, quiet, start } from "./FailureTableHost.ts"
import { content, directory, file, litter } from "./FileConfigSourceDisk.ts"

export type Way = "error" | "crash" | "interruption" | "shutdown" | "foreign edit"
type Change = Effect.Effect<Snapshot<unknown>, ConfigStoreError, Config>
type World = SimulatedDisk | FileLock

export const edit = (...edits: ReadonlyArray<readonly [path: string, value: unknown]>): Change =>
  Effect.flatMap(Config, (store) => store.update(edits.map(([path, value]) => ({ path, value }))))
export const seven = edit(["/days", 7])
export const withoutEffect = edit(["/port", 80])

/** An update with the hash of the first document. */
export const sevenIfUnchanged: Change = Effect.flatMap(Config, (store) =>
  Effect.flatMap(store.snapshot, ({ hash }) => store.update([{ path: "/days", value: 7 }], { ifHash: hash })),
)

/** The save of an editor that opened the first document: it renames over it. */
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
  /** Installs the fault. */
  readonly at: (cell: Cell) => Effect.Effect<void, never, World | Scope.Scope>
}
interface Cell {
  readonly process: Process
  readonly hooks: Hooks["Service"]
  readonly setup: Setup
  /** Causes the power cut, interruption, shutdown or save. An error is injected at the operation itself. */
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
    const hooks = yield* process.run(Hooks)
    hooks.events.length = 0
    hooks.published.length = 0
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
      hooks,
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
    const checkResult = crashed ? "" : yield* content
    const outcome = yield* crashed ? afterCrash(process, hooks, setup.way) : afterwards(process, hooks.events)
    const answer = answerOf(exit)
    // An acknowledged change survives the next power cut, and no file is left behind.
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
    // An editor does not sync the directory: its save may be lost, and then the acknowledged change must be there.
    if (answer === "snapshot" && ![checkResult, before].includes(survived))
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

/** The outcome in the next process. After an orderly end the events are those of the process before. */
const afterCrash = (process: Process, before: Hooks["Service"], way: Way) =>
  Effect.gen(function* () {
    const disk = yield* SimulatedDisk
    yield* process.end
    yield* disk.restart
    const next = yield* start
    yield* quiet
    const { events } = yield* next.run(Hooks)
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

export type Step = "read" | "re-read" | "temporary" | "rename" | "after rename" | "history"

/** The row of the table to which an operation belongs. */
const steps = () => {
  let step: Step = "read"
  return ({ name, path, to }: Operation): Step => {
    // Under the lock, the links of the whole path are followed.
    if (step === "read" && name === "lstat" && path === "/home") step = "re-read"
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

/** Faults inside a change, without an operation of the disk. */
export const inDecoding: Setup["at"] = (cell) =>
  Effect.sync(() => {
    decoding.run = cell.actNow
  })
export const inPreparing: Setup["at"] = (cell) =>
  Effect.map(Effect.context<World>(), (services) => {
    const act = Effect.provideContext(cell.act, services)
    cell.hooks.building = cell.setup.way === "error" ? Effect.andThen(act, Effect.fail("refused")) : act
  })
export const inCommitting: Setup["at"] = (cell) =>
  Effect.sync(() => {
    cell.hooks.committing = () => {
      cell.actNow()
      if (cell.setup.way === "error") throw new Error("an observer has failed")
    }
  })
const dying =
  (name: "publishing" | "releasing"): Setup["at"] =>
  (cell) =>
    Effect.map(Effect.context<World>(), (services) => {
      const act = Effect.provideContext(cell.act, services)
      cell.hooks[name] = cell.setup.way === "error" ? Effect.andThen(act, Effect.die(`${name} has failed`)) : act
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

/** The outcomes of a fault at every operation of a step. */
const sweep = (step: Step, setup: Omit<Setup, "at">, narrow?: (operation: Operation) => boolean) =>
  Effect.gen(function* () {
    const outcomes = new Set<string>()
    for (let nth = 1; ; nth++) {
      const result = yield* run({ seed: nth, ...setup, at: at(step, nth, narrow) })
      if (!result.reached) return [...outcomes].sort()
      outcomes.add(result.outcome)
    }
  })

/** Checks that these are all outcomes of a fault at every operation of a step. */
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
