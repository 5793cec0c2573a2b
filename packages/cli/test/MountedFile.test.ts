/** A document that a container mounts as a single file. */
import { spawnSync } from "node:child_process"
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Home, home, program, runProgram, started } from "./Command.ts"

const unshare = ["--mount", ...(process.geteuid?.() === 0 ? [] : ["--user", "--map-root-user"])]
const probe = spawnSync("unshare", [...unshare, "true"])

/** The words of a command in a mount namespace, where `outside` is mounted over the document. */
const inContainer = ({ config }: Home, outside: string, args: ReadonlyArray<string>) => [
  ...unshare,
  "sh",
  "-c",
  'mount --bind "$0" "$1" && shift && exec "$@"',
  outside,
  config,
  process.execPath,
  program,
  ...args,
]

const prepared = Effect.map(home, (at) => {
  const outside = join(at.directory, "outside", "config.json")
  mkdirSync(dirname(outside))
  mkdirSync(dirname(at.config), { recursive: true, mode: 0o700 })
  const document = `{ "version": 1, "providers": {}, "models": {}, "features": { "debug": false } }\n`
  writeFileSync(outside, document, { mode: 0o600 })
  writeFileSync(at.config, "", { mode: 0o600 })
  return { at, outside, document }
})

describe.skipIf(probe.status !== 0)("a document that is mounted as a single file (needs unshare)", () => {
  it.live("is written in place, followed when it is saved in place outside, and reported", () =>
    Effect.gen(function* () {
      const { at, document, outside } = yield* prepared
      const host = yield* started("unshare", inContainer(at, outside, ["serve", "--port", "0"]), at.env)
      yield* host.lineWith("listens on")
      const before = statSync(outside).ino
      yield* at.json(["config", "set", "features.telemetry", "true"])
      assert.include(readFileSync(outside, "utf8"), `"telemetry": true`)
      assert.strictEqual(statSync(outside).ino, before)
      yield* host.lineWith("config.changed")
      writeFileSync(outside, document.replace("false", "true"))
      yield* host.lineWith("config.changed")
      const degraded = Effect.map(at.json(["status"]), ({ degraded }) => degraded.join("\n"))
      assert.include(yield* degraded, "mounted as a single file")
      const doctor = yield* runProgram("unshare", inContainer(at, outside, ["doctor"]), at.env)
      assert.match(doctor.stdout, /PROBLEM +mount .+ is mounted as a single file/)
      assert.include(doctor.stdout, "→ mount the directory of the file instead")

      writeFileSync(`${outside}.new`, document)
      renameSync(`${outside}.new`, outside)
      while (!(yield* degraded).includes("is the old file")) yield* Effect.yieldNow
      const set = yield* at.run(["config", "set", "features.telemetry", "false"])
      assert.strictEqual(set.code, 1)
      assert.include(set.stderr, "mount the directory")
    }),
  )
})
