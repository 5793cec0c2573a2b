/** A full disk: a small file system in memory, mounted for one process and removed with it. */
import { spawnSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { start } from "./processes/Process.ts"
import { command, rest, temporaryDirectory } from "./programs/Program.ts"

const mountAndRun = 'mount -t tmpfs -o size=128k,mode=0700 signalbox "$0" && exec "$@"'
/** A mount name space; users other than root also need a user name space. */
const unshare = ["--mount", ...(process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"])]

/** The reason that no file system can be mounted here, or `undefined`. */
const refusal = (): string | undefined => {
  const { error, status, stderr } = spawnSync("unshare", [...unshare, "sh", "-c", mountAndRun, "/tmp", "true"])
  if (error !== undefined) return error.message
  return status === 0 ? undefined : String(stderr).trim() || `unshare ended with ${status}`
}

describe("ConfigStore on a full disk", () => {
  it.live("keeps the old document, fails with ENOSPC, and writes again when there is room", (context) =>
    Effect.gen(function* () {
      const refused = refusal()
      if (refused !== undefined) {
        console.warn(
          `No small file system can be mounted here (${refused}): only SimulatedDisk shows what a full disk does.`,
        )
        return context.skip(refused)
      }
      const directory = yield* temporaryDirectory
      const args = [...unshare, "sh", "-c", mountAndRun, directory, ...command("fillDisk.ts", [directory])]
      const filling = yield* start("unshare", args)
      const [first, ...reports] = (yield* rest(filling)).map((line) => JSON.parse(line))
      assert.strictEqual(yield* filling.exit, 0)

      let before = first
      for (const report of reports) {
        const { count, disk, hash, kept, message, names, pages, problems, refused, snapshot, warnings } = report
        const where = `with ${pages} pages free: ${JSON.stringify(report)}`
        assert.deepStrictEqual(problems, [], where)
        assert.deepStrictEqual(names.toSorted(), ["config.json", "config.json.lock", "history"], where)
        assert.strictEqual(snapshot.count, disk.count, where)
        if (refused === undefined) {
          assert.deepStrictEqual(snapshot, { count, hash, revision: before.snapshot.revision + 1 }, where)
          // The document may fit and its copy not: then the change is in force with a warning.
          if (kept[0] !== hash) {
            assert.deepStrictEqual(kept, before.kept, where)
            assert.isTrue(
              warnings.some((line: string) => /history .* could not be written \(ENOSPC/.test(line)),
              where,
            )
          }
        } else {
          assert.deepInclude(refused, { _tag: "SourceUnavailable", code: "ENOSPC" }, where)
          assert.include(message, "Free some space on that disk", where)
          assert.deepStrictEqual([snapshot, disk, kept], [before.snapshot, before.disk, before.kept], where)
        }
        before = report
      }
      const outcome = reports.map(({ hash, kept, refused }) =>
        refused !== undefined ? "refused" : kept[0] === hash ? "kept" : "not kept",
      )
      assert.strictEqual(outcome[0], "refused", "with no page free")
      assert.strictEqual(outcome[6], "kept", "with room for two")
      assert.deepStrictEqual(outcome.slice(7), ["kept", "not kept", "kept"])
    }),
  )
})
