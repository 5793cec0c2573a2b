/**
 * The cost of one `config.update` against its durable file operations: in a library host on a real directory whose history is full (100 entries),
 * alone, and in 8 processes that write different keys of one document at once. The bare loop does the same to the same bytes with `node:fs`,
 * under the same kernel lock: temporary file, write, fsync, exchange, directory fsync.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { type Row, report } from "./measure.ts"

const PROCESSES = 8
const ALONE = 100
const TOGETHER = 50
const ROUNDS = 2
const HISTORY_ENTRIES = 100

/** Ours, and the bare loop: of the document alone, and of the document and its copy in the history. */
type Worker = "update" | "bare" | "barePair"
const workers: ReadonlyArray<Worker> = ["bare", "barePair", "update"]

export const run = async (): Promise<void> => {
  const root = mkdtempSync(join(tmpdir(), "signalbox-bench-write-"))
  try {
    const alone = await best(root, 1, ALONE)
    const together = await best(root, PROCESSES, TOGETHER)
    report("write: one `config.update`, wall time against the durable file operations it needs", [
      ...rows("alone", alone, 4),
      ...rows(`${PROCESSES} processes × ${TOGETHER} updates`, together, 12),
    ])
  } finally {
    rmSync(root, { recursive: true })
  }
}

const rows = (name: string, nanos: Record<Worker, number>, target: number): ReadonlyArray<Row> => [
  {
    name: `${name}: against the document's replacement and the history's copy`,
    ratio: nanos.update / nanos.barePair,
    target: ["≤", target],
  },
  { name: `${name}: against the document's replacement alone`, ratio: nanos.update / nanos.bare },
]

/** Nanoseconds per write, the best of the rounds. */
const best = async (root: string, processes: number, times: number): Promise<Record<Worker, number>> => {
  const nanos = { update: Number.POSITIVE_INFINITY, bare: Number.POSITIVE_INFINITY, barePair: Number.POSITIVE_INFINITY }
  for (let round = 0; round < ROUNDS; round++) {
    for (const worker of workers) {
      nanos[worker] = Math.min(
        nanos[worker],
        await measure(mkdtempSync(join(root, `${worker}-`)), worker, processes, times),
      )
    }
  }
  return nanos
}

const measure = async (home: string, worker: Worker, processes: number, times: number): Promise<number> => {
  // One process fills the history, for it alone knows how.
  await perWrite(home, "update", 1, HISTORY_ENTRIES + 10)
  const nanos = await perWrite(home, worker, processes, times)
  const entries = readdirSync(join(home, "host", "history")).length
  if (worker === "update" && entries !== HISTORY_ENTRIES) throw new Error(`the history has ${entries} entries`)
  return nanos
}

/** From the common start to the end of the last process. */
const perWrite = async (home: string, worker: Worker, processes: number, times: number): Promise<number> => {
  const script = join(import.meta.dirname, "write", `${worker === "update" ? "update" : "bare"}.ts`)
  const children = Array.from({ length: processes }, (_, index) =>
    spawn(process.execPath, ["--conditions=@signalbox/source", script, home, `w${index}`, String(times), worker], {
      stdio: ["pipe", "pipe", "inherit"],
    }),
  )
  try {
    const lines = children.map((child) => createInterface(child.stdout)[Symbol.asyncIterator]())
    const next = (index: number) => Promise.race([lines[index]!.next(), died(children[index]!)])
    await Promise.all(children.map((_, index) => next(index)))
    const start = process.hrtime.bigint()
    for (const { stdin } of children) stdin.end("go")
    await Promise.all(children.map((_, index) => next(index)))
    const took = Number(process.hrtime.bigint() - start)
    if (worker === "update" && processes > 1) assertAllWritten(join(home, "host", "config.json"), processes, times)
    return took / (processes * times)
  } finally {
    for (const child of children) child.kill("SIGKILL")
  }
}

const assertAllWritten = (file: string, processes: number, times: number): void => {
  const { models } = JSON.parse(readFileSync(file, "utf8"))
  for (let process = 0; process < processes; process++) {
    if (models[`w${process}`].upstream !== `model-${times}`) throw new Error(`an update of process ${process} is lost`)
  }
}

const died = (child: ChildProcess): Promise<never> =>
  once(child, "exit").then(([code]) => Promise.reject(new Error(`a process ended with ${code}`)))
