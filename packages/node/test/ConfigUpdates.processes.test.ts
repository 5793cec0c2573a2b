/** Hosts in several processes write one document at once, and every write takes effect. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { program, rest, temporaryDirectory, told } from "./programs/Program.ts"
import { comment } from "./programs/SharedConfig.ts"

const torture = process.env["SIGNALBOX_TORTURE"] === "1"
const PROCESSES = torture ? 8 : 4
const UPDATES = torture ? 500 : 20

const workers = Array.from({ length: PROCESSES }, (_, index) => `worker${index}`)

describe(`ConfigStore in ${PROCESSES} processes`, () => {
  it.live(
    "keeps every update of every process, the comments, and no temporary file",
    ({ annotate }) =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const file = join(directory, "config.json")
        // The document does not exist yet, so the processes also compete to seed it.
        const reports = yield* Effect.forEach(
          workers,
          Effect.fnUntraced(function* (worker) {
            const started = yield* program("update.ts", [file, worker, String(UPDATES)])
            const report = yield* told<{ Busy: number; Conflict: number; bad: ReadonlyArray<unknown> }>(started)
            assert.deepStrictEqual(yield* rest(started), [])
            assert.strictEqual(yield* started.exit, 0)
            return report
          }, Effect.scoped),
          { concurrency: "unbounded" },
        )
        const text = readFileSync(file, "utf8")
        assert.include(text, comment)
        const document = JSON.parse(text.replace(comment, "").replaceAll(/,(\s*})/g, "$1"))
        assert.deepStrictEqual(document, {
          counters: expected(workers.map((worker) => [worker, UPDATES])),
          values: expected(
            workers.flatMap((worker) =>
              Array.from({ length: UPDATES }, (_, index) => [`${worker}-${index + 1}`, index + 1] as const),
            ),
          ),
        })
        assert.deepStrictEqual(
          reports.flatMap(({ bad }) => bad),
          [],
        )
        assert.deepStrictEqual(readdirSync(directory).toSorted(), ["config.json", "config.json.lock", "history"])
        assert.deepStrictEqual(
          readdirSync(join(directory, "history")).filter(
            (name) => !/^\d{15}-[0-9a-f]{64}(?:~(?:[0-9a-f]{16}|refused|overwritten))?-config\.json$/.test(name),
          ),
          [],
        )
        const sum = (reason: "Busy" | "Conflict") => reports.reduce((total, report) => total + report[reason], 0)
        yield* Effect.promise(() => annotate(`tried again: ${sum("Busy")} × Busy, ${sum("Conflict")} × Conflict`))
      }),
    torture ? 600_000 : 60_000,
  )
})

const expected = (entries: ReadonlyArray<readonly [string, number]>) => Object.fromEntries(entries)
