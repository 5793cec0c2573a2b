/** Real processes: an acknowledged write survives `kill -9` at any point. */
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, watch } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Random } from "effect"
import { program, rest, said, temporaryDirectory } from "./programs/Program.ts"

const torture = process.env["SIGNALBOX_TORTURE"] === "1"
const ROUNDS = torture ? 2000 : 16
/** The number of documents, each written by one process after another. */
const LANES = 4
/** One round in so many kills the process before it has opened the document. */
const EARLY = 10

/** Most kills follow events of the directory, so that they interrupt a write. */
type Moment =
  | { readonly _tag: "Early"; readonly millis: number }
  | { readonly _tag: "Acknowledged"; readonly times: number; readonly turns: number }
  | { readonly _tag: "Touched"; readonly times: number; readonly turns: number }

const moment: Effect.Effect<Moment> = Effect.gen(function* () {
  const below = (bound: number) => Random.nextIntBetween(0, bound)
  const kind = yield* below(EARLY)
  if (kind === 0) return { _tag: "Early", millis: yield* below(600) }
  if (kind <= 3) return { _tag: "Acknowledged", times: yield* below(8), turns: yield* below(2000) }
  return { _tag: "Touched", times: yield* below(60), turns: yield* below(20) }
})

const turn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

/** The state after the previous process has died. */
interface StateAfterKill {
  /** The document on disk; `undefined` before it exists. */
  readonly count: number | undefined
  readonly acknowledged: number
}

describe("ConfigStore in a killed process", () => {
  it.live(
    "keeps a whole document with the last acknowledged update, and the next start removes temporary files",
    ({ annotate }) =>
      Effect.gen(function* () {
        const seed = Number(process.env["SIGNALBOX_SEED"] ?? (yield* Clock.currentTimeMillis))
        const root = yield* temporaryDirectory
        // One process ends normally, so that Node stores its compiled code for the others.
        const first = yield* program("count.ts", [join(root, "config.json"), "1"])
        assert.strictEqual((yield* rest(first)).at(-1), "1")
        const seen = yield* Effect.forEach(
          Array.from({ length: LANES }, (_, index) => index),
          (index) => Random.withSeed(laneOf(join(root, `lane${index}`), ROUNDS / LANES), `${seed}/${index}`),
          { concurrency: "unbounded" },
        ).pipe(Effect.tapCause(() => Effect.sync(() => console.error(`SIGNALBOX_SEED=${seed} chooses these moments`))))
        const total = (member: "underWay" | "leftovers" | "kills") => seen.reduce((sum, lane) => sum + lane[member], 0)
        assert.strictEqual(total("kills"), ROUNDS)
        // With enough kills, some happened before, during and after writes.
        if (torture) {
          assert.isAbove(total("leftovers"), 0, `SIGNALBOX_SEED=${seed}`)
          assert.isAbove(total("underWay"), 0, `SIGNALBOX_SEED=${seed}`)
        }
        const met = `${total("underWay")} updates taken that nobody acknowledged, ${total("leftovers")} directories to be swept`
        yield* Effect.promise(() => annotate(`SIGNALBOX_SEED=${seed}: ${total("kills")} kills, ${met}`))
      }),
    torture ? 1_800_000 : 60_000,
  )
})

const laneOf = Effect.fnUntraced(function* (directory: string, rounds: number) {
  mkdirSync(directory)
  const file = join(directory, "config.json")
  const totals = { kills: 0, underWay: 0, leftovers: 0 }
  let standing: StateAfterKill = { count: undefined, acknowledged: 0 }
  for (let round = 0; round < rounds; round++) {
    const lines = yield* Effect.scoped(killed(file, yield* moment))
    totals.kills++
    const opened = lines[0] === undefined ? undefined : JSON.parse(lines[0])
    if (opened !== undefined) {
      assert.deepStrictEqual(opened.problems, [])
      assert.strictEqual(opened.count, standing.count ?? 0, "the start serves what stands on the disk")
      assert.deepStrictEqual(opened.names.filter(unknown), [], "nothing is left behind after a start")
    }
    const acknowledged = Number(lines.slice(1).at(-1) ?? opened?.count ?? standing.count ?? 0)
    standing = { count: countIn(file), acknowledged }
    // Before its first line a process has written at most the seed, without an acknowledgement.
    if (standing.count === undefined) assert.isUndefined(opened)
    else assert.include(opened === undefined ? [acknowledged] : [acknowledged, acknowledged + 1], standing.count)
    if (standing.count === acknowledged + 1) totals.underWay++
    if (readdirSync(directory).some(unknown)) totals.leftovers++
  }
  assertWhole(join(directory, "history"))
  return totals
})

/** All lines of a process that is killed at this moment. */
const killed = Effect.fnUntraced(function* (file: string, moment: Moment) {
  const counter = yield* program("count.ts", [file])
  const lines: Array<string> = []
  // The timer only selects the moment of the kill.
  if (moment._tag === "Early") yield* Effect.sleep(moment.millis)
  else {
    lines.push(yield* said(counter))
    if (moment._tag === "Touched") yield* touched(dirname(file), moment.times)
    else for (let line = 0; line < moment.times; line++) lines.push(yield* said(counter))
    for (let i = 0; i < moment.turns; i++) yield* turn
  }
  counter.child.kill("SIGKILL")
  lines.push(...(yield* rest(counter)))
  assert.strictEqual(yield* counter.exit, "SIGKILL")
  return lines
})

/** Waits for so many kernel events of the directory. */
const touched = (directory: string, times: number): Effect.Effect<void> =>
  Effect.callback((resume) => {
    let left = times
    const watcher = watch(directory, () => {
      if (left-- > 0) return
      watcher.close()
      resume(Effect.void)
    })
    return Effect.sync(() => watcher.close())
  })

/** The document parses as a whole, or does not exist yet. */
const countIn = (file: string): number | undefined => {
  if (!existsSync(file)) return undefined
  const { ballast, count } = JSON.parse(readFileSync(file, "utf8"))
  assert.strictEqual(ballast.length, 60_000)
  return count
}

const unknown = (name: string) =>
  !["config.json", "config.json.lock", "history"].includes(name) &&
  !/^\d{15}-[0-9a-f]{64}(?:~(?:[0-9a-f]{16}|refused|overwritten))?-config\.json$/.test(name)

/** Each document of the history has the hash in its name. */
const assertWhole = (history: string) => {
  const names = readdirSync(history).filter((name) => !unknown(name))
  assert.isAbove(names.length, 0)
  for (const name of names) {
    const hash = createHash("sha256")
      .update(readFileSync(join(history, name)))
      .digest("hex")
    assert.include(name, hash)
  }
}
