import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { home, program, started } from "./Command.ts"

describe("events", () => {
  it.live("prints events as CloudEvents, continues with --since, and ends with the host", () =>
    Effect.gen(function* () {
      const at = yield* home
      const host = yield* at.host()
      const all = yield* started(process.execPath, [program, "events", "--json"], at.env)
      const few = yield* started(process.execPath, [program, "events", "--types", "model.added, model.removed"], at.env)
      // A subscriber is listed once it receives events.
      const following = (count: number): Effect.Effect<void> =>
        Effect.flatMap(at.json(["services"]), ({ subscribers }) =>
          subscribers.length >= count ? Effect.void : following(count),
        )
      yield* following(3)
      yield* at.json(["config", "set", "models.fast", '{"provider":"echo","upstream":"a"}'])
      const changed = JSON.parse(yield* all.lineWith("config.changed"))
      assert.deepInclude(changed, { specversion: "1.0", type: "config.changed", revision: 2 })
      assert.match(yield* few.lineWith(""), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}model\.added alias=fast /)
      const again = yield* started(process.execPath, [program, "events", "--json", "--since", changed.id], at.env)
      assert.strictEqual(JSON.parse(yield* again.lineWith("")).type, JSON.parse(yield* all.lineWith("")).type)
      const gap = yield* started(process.execPath, [program, "events", "--json", "--since", "0:0"], at.env)
      assert.deepInclude(JSON.parse(yield* gap.lineWith("")), { specversion: "1.0", type: "gap" })
      host.signal("SIGTERM")
      assert.strictEqual(yield* host.ended, 0)
      assert.strictEqual(yield* few.ended, 3)
      assert.include(few.stderr(), "no host is running on")
    }),
  )

  it.live("exits without an error message when its reader closes the pipe, and with 130 when interrupted", () =>
    Effect.gen(function* () {
      const at = yield* home
      yield* at.host()
      const pipe = `"${process.execPath}" "${program}" events --since 0:0 | head -1; echo "code \${PIPESTATUS[0]}"`
      const piped = yield* started("bash", ["-c", pipe], at.env)
      yield* piped.lineWith("gap")
      yield* at.json(["config", "set", "models.fast", '{"provider":"echo","upstream":"a"}'])
      yield* piped.lineWith("code 0")
      assert.strictEqual(yield* piped.ended, 0)
      assert.match(piped.stderr(), waiting)
      const followed = yield* started(process.execPath, [program, "events", "--since", "0:0"], at.env)
      yield* followed.lineWith("gap")
      followed.signal("SIGINT")
      assert.strictEqual(yield* followed.ended, 130)
      assert.match(followed.stderr(), waiting)
    }),
  )

  it.live("rejects an invalid cursor as a usage error", () =>
    Effect.gen(function* () {
      const at = yield* home
      yield* at.host()
      const { code, stderr } = yield* at.run(["events", "--since", "yesterday"])
      assert.strictEqual(code, 2, stderr)
    }),
  )
})

const waiting = /^following the events of http:\S+; Ctrl-C ends it\n$/
