/**
 * Generated histories of updates, whole texts, undos, editors, removals, restarts and power cuts, with faults at any operation. Each complete
 * document contains a unique mark, which identifies it. fast-check prints the seed that replays a failure.
 */
import { assert, it } from "@effect/vitest"
import type { ConfigStoreError } from "@signalbox/core/ConfigError"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import { FileLock } from "@signalbox/core/FileLock"
import { SimulatedDisk } from "@signalbox/core/testing/SimulatedDisk"
import { Cause, Effect, Exit, Fiber, Layer, Logger } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { Config, Hooks, type Process, quiet, start } from "./FailureTableHost.ts"
import { directory, file, litter } from "./FileConfigSourceDisk.ts"

const fault = fc.option(
  fc.record({
    at: fc.integer({ min: 1, max: 70 }),
    what: fc.constantFrom("EIO", "ENOSPC", "EACCES", "short", "cut", "foreign", "interruption"),
  }),
)
const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("update" as const), fault }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("replace" as const), fault }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("undo" as const), fault }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("edit", "bad edit", "remove", "wait", "restart", "power cut") }),
  },
)
type Action = { readonly do: string; readonly fault?: { readonly at: number; readonly what: string } | null }

const missing = "(missing)"

/** One generated history. */
class History {
  process: Process
  readonly disk: SimulatedDisk["Service"]
  /** The whole texts that a power cut may leave. */
  durable = new Set<string>()
  /** Marks of documents that may be at the source, without their text: those of writes, acknowledged or not. */
  readonly marked = new Map<number, string>()
  marks = 0

  constructor(disk: SimulatedDisk["Service"], process: Process) {
    this.disk = disk
    this.process = process
  }

  get mark(): number {
    return ++this.marks + 1000
  }
  get content() {
    return Effect.orElseSucceed(this.disk.foreign.readFileString(file), () => missing)
  }

  /** Synced, then renamed, as good editors do; the directory is not synced. */
  save(text: string) {
    const { foreign } = this.disk
    return Effect.gen({ self: this }, function* () {
      const saving = yield* foreign.open(`${directory}/4913`, { flag: "w" })
      yield* saving.writeAll(new TextEncoder().encode(text))
      yield* saving.sync
      yield* foreign.rename(`${directory}/4913`, file)
      this.durable.add(text)
    }).pipe(Effect.scoped, Effect.orDie)
  }
  get edit() {
    return Effect.gen({ self: this }, function* () {
      const mark = this.mark
      const open = yield* this.content
      const base = isWhole(open) ? open : seed
      const text = base.replace(
        '"models": {',
        `"models": { "m${mark}": "x"${/"models": \{\s*\}/.test(base) ? "" : ","}`,
      )
      yield* this.save(text)
      return { text, mark: `m${mark}` }
    })
  }

  /** After a power cut the source has one of the whole documents, and the next start serves it or the last good one. */
  restart(cut: boolean) {
    return Effect.gen({ self: this }, function* () {
      const { disk } = this
      if (cut) yield* disk.crash("random")
      yield* this.process.end
      yield* disk.calm
      if (cut) {
        yield* disk.restart
        yield* Effect.ignore(disk.foreign.remove(`${directory}/4913`))
        const found = yield* this.content
        const allowed =
          this.durable.has(found) || (isWhole(found) && [...this.marked.values()].some((mark) => found.includes(mark)))
        yield* this.failIf(
          !allowed,
          `after the power cut: ${found}\nallowed: ${[...this.durable].join("\n")}\nor with ${[...this.marked.values()]}`,
        )
        this.durable = new Set([found])
        this.marked.clear()
      }
      this.process = yield* start
      yield* this.settle
      const there = yield* this.content
      assert.notStrictEqual(there, missing)
      this.durable.add(there)
      const left = yield* litter
      yield* this.failIf(left.length > 0, `left behind: ${left.join()}`)
      yield* this.servesTheDocument
    })
  }
  get settle() {
    return quiet.pipe(
      Effect.andThen(TestClock.adjust("6 seconds")),
      Effect.andThen(quiet),
      Effect.provideService(SimulatedDisk, this.disk),
    )
  }

  /** The document at the source is in force, or the store reports why not and serves an accepted one. */
  get servesTheDocument() {
    return Effect.gen({ self: this }, function* () {
      const there = yield* this.content
      yield* this.process.run(
        Effect.gen({ self: this }, function* () {
          const store = yield* Config
          const { config, hash } = yield* store.snapshot
          const source = yield* ConfigSource
          const problems = yield* store.problems
          if (there !== missing && (yield* source.hash(there)) === hash) {
            yield* this.failIf(problems.length > 0, "problems of a document in force")
            yield* this.failIf(!there.includes(`"days": ${config.days}`), `serves ${config.days}: ${there}`)
            return
          }
          yield* this.failIf(problems.length === 0, `not in force, and nothing is said: ${there}`)
          yield* this.failIf(!there.includes("bad") && there !== missing, `refused: ${there}`)
        }),
      )
      yield* this.publishesEachRevisionOnce
    })
  }
  get publishesEachRevisionOnce() {
    return Effect.gen({ self: this }, function* () {
      const { events } = yield* this.process.run(Hooks)
      const changes = events.filter((event) => event._tag === "config.changed") as unknown as ReadonlyArray<{
        readonly revision: number
      }>
      const { revision } = yield* this.process.run(Effect.flatMap(Config, (store) => store.snapshot))
      const said = changes.map((change) => change.revision)
      const first = said[0] === 1 ? 1 : 2
      const expected = Array.from({ length: revision - first + 1 }, (_, index) => index + first)
      yield* this.failIf(said.join() !== expected.join(), `revision ${revision}, said: ${said.join()}`)
    })
  }

  act({ do: what, fault }: Action) {
    switch (what) {
      case "edit":
        return Effect.asVoid(this.edit)
      case "bad edit":
        return Effect.flatMap(this.content, (text) => this.save(`${text === missing ? "" : text} bad ${this.mark}`))
      case "remove":
        return Effect.map(Effect.ignore(this.disk.foreign.remove(file)), () => void this.durable.add(missing))
      case "wait":
        return Effect.andThen(this.settle, this.servesTheDocument)
      case "restart":
        return this.restart(false)
      case "power cut":
        return this.restart(true)
      default:
        return this.change(what, fault ?? undefined)
    }
  }

  change(what: string, fault: { readonly at: number; readonly what: string } | undefined) {
    return Effect.gen({ self: this }, function* () {
      const mark = this.mark
      const days = `"days": ${mark}`
      const change = Effect.flatMap(Config, (store) => {
        if (what === "undo") return store.undo
        const whole = `{ ${days}, "models": {} }`
        return what === "replace" ? store.replace(whole) : store.update([{ path: "/days", value: mark }])
      })
      this.marked.set(mark, what === "undo" ? "" : days)
      let foreign: { readonly text: string; readonly mark: string } | undefined
      const exit = yield* Effect.scoped(
        Effect.gen({ self: this }, function* () {
          const number = (yield* this.disk.operations) + (fault?.at ?? 0)
          const fiber = yield* Effect.forkChild(this.process.run(change))
          if (fault?.what === "foreign") {
            yield* this.disk.before((operation) =>
              operation.number === number
                ? Effect.map(this.edit, (saved) => {
                    foreign = saved
                  })
                : Effect.void,
            )
          } else if (fault?.what === "interruption") {
            yield* this.disk.before((operation) =>
              operation.number === number ? Effect.asVoid(Effect.forkDetach(Fiber.interrupt(fiber))) : Effect.void,
            )
          } else if (fault?.what === "short") yield* this.disk.inject({ at: number, short: 3 })
          else if (fault?.what === "cut") yield* this.disk.inject({ at: number, crash: "random" })
          else if (fault !== undefined) yield* this.disk.inject({ at: number, error: fault.what })
          return yield* Fiber.await(fiber)
        }),
      )
      if (yield* this.isDown) return yield* this.restart(true)
      yield* this.disk.calm
      if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
        yield* Effect.provideService(quiet, SimulatedDisk, this.disk)
      yield* this.checkResult(exit, mark, what === "undo" ? undefined : days, foreign)
    })
  }

  get isDown() {
    return Effect.map(Effect.exit(Effect.timeout(this.disk.crashed, 0)), Exit.isSuccess)
  }

  /** The promise of the result holds at once. */
  checkResult(
    exit: Exit.Exit<{ readonly hash: string }, ConfigStoreError>,
    mark: number,
    written: string | undefined,
    foreign: { readonly text: string; readonly mark: string } | undefined,
  ) {
    return Effect.gen({ self: this }, function* () {
      const there = yield* this.content
      const stands = there === foreign?.text
      if (Exit.isSuccess(exit)) {
        this.durable.clear()
        if (!stands) this.marked.clear()
        yield* this.failIf(
          !stands && written !== undefined && !there.includes(written),
          `acknowledged, not there: ${there}`,
        )
      } else if (!Cause.hasInterruptsOnly(exit.cause)) {
        const error = Cause.squash(exit.cause) as ConfigStoreError
        yield* this.failIf(error._tag !== "ConfigStoreError", `died: ${Cause.pretty(exit.cause)}`)
        if (error.reason._tag !== "Unconfirmed") {
          this.marked.delete(mark)
          yield* this.failIf(
            written !== undefined && there.includes(written),
            `checkResult ${error.reason._tag}, but written`,
          )
        }
      }
      this.durable.add(there)
      if (foreign !== undefined && !there.includes(foreign.mark)) {
        const { text } = foreign
        const kept = yield* this.process.run(
          Effect.flatMap(ConfigSource, (source) => Effect.flatMap(source.hash(text), source.history.read)),
        )
        yield* this.failIf(kept === undefined, `a foreign save is lost: ${text}\nthere: ${there}`)
      }
    })
  }

  failIf(wrong: boolean, why: string): Effect.Effect<void> {
    return wrong
      ? Effect.flatMap(this.disk.report, (report) => Effect.die(new Error(`${why}\n${report}`)))
      : Effect.void
  }
}

const seed = '{\n  // how long\n  "days": 30,\n  "models": {}\n}\n'
const isWhole = (text: string) => {
  try {
    JSON.parse(text.replace(/\/\/.*\n/g, ""))
    return true
  } catch {
    return false
  }
}

const run = (actions: ReadonlyArray<Action>, diskSeed: number) =>
  Effect.gen(function* () {
    const disk = yield* SimulatedDisk
    const process = yield* start
    const history = new History(disk, process)
    history.durable.add(yield* history.content)
    for (const action of actions) yield* history.act(action)
    yield* history.act({ do: "wait" })
    yield* history.restart(true)
    yield* history.process.end
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        SimulatedDisk.layerWith({ seed: diskSeed }),
        Logger.layer([]),
        FileLock.layerMemory,
        TestClock.layer(),
      ),
    ),
  )

it(
  "keeps the old or the new document, every acknowledged write and the last good configuration through generated faults, without leftovers",
  { timeout: 3_600_000 },
  () =>
    fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 6 }), fc.integer(), (actions, diskSeed) =>
        Effect.runPromise(run(actions, diskSeed)),
      ),
      { numRuns: process.env["SIGNALBOX_TORTURE"] === undefined ? 150 : 20_000 },
    ),
)
