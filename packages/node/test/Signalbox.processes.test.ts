import { assert, it } from "@effect/vitest"
import { Effect, Queue } from "effect"
import { script } from "./processes/Process.ts"

it.live("ends a host that never closes at the second signal", () =>
  Effect.gen(function* () {
    const { child, exit, lines } = yield* script("neverCloses.ts", [])
    assert.strictEqual(yield* Queue.take(lines), "started")
    child.kill("SIGINT")
    assert.strictEqual(yield* Queue.take(lines), "closing")
    // npm forwards the signal of a terminal, so that it arrives twice.
    child.kill("SIGINT")
    child.kill("SIGTERM")
    assert.strictEqual(yield* exit, 143)
  }).pipe(Effect.scoped),
)
