/** The text of a message cannot look like another line of the output, and has no invisible character. */
import { assert, describe, it } from "@effect/vitest"
import { Console, Effect, Layer } from "effect"
import { HostOutput, type LogFormat } from "../src/internal/Host/HostOutput.ts"
import { Secrets } from "../src/internal/Host/Secrets.ts"

const hostile = "fast\nerror: forged\r\u001b[2J\u009b1m\u202ed\u200b\u2028\ud800"

/** Runs the effect with the host's output and returns what it writes. */
const written = (format: LogFormat, effect: Effect.Effect<void, never, HostOutput>): Effect.Effect<string> =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const write = (line: string) => void lines.push(line)
    const console = { ...globalThis.console, log: write, error: write }
    return Effect.as(
      effect.pipe(
        Effect.provide(HostOutput.layer(format).pipe(Layer.provide(Secrets.layer))),
        Effect.provideService(Console.Console, console as Console.Console),
      ),
      lines,
    ).pipe(Effect.map((lines) => lines.join("\n")))
  })

const everything = Effect.gen(function* () {
  const output = yield* HostOutput
  yield* Effect.logWarning(hostile)
  yield* Effect.logError("it failed", new Error(hostile))
  yield* Effect.annotateLogs(Effect.logInfo("annotated"), { [hostile]: hostile })
  output.setDebug(true)
  yield* Effect.logError("with its cause", new Error(hostile))
})

describe("the host's output", () => {
  it.effect("indents the further lines of a log message, and escapes invisible characters", () =>
    Effect.gen(function* () {
      const text = yield* written("text", everything)
      for (const line of text.split("\n")) {
        assert.match(line, /^(?:warning|error|info): | {2}/)
        assert.notMatch(line, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
      }
      assert.include(text, "\\x1b[2J\\x9b1m\\u202ed\\u200b\\u2028\\ud800")
    }),
  )

  it.effect("writes one JSON object for each line, which holds the very text", () =>
    Effect.gen(function* () {
      const text = yield* written("json", everything)
      const lines = text.split("\n")
      assert.strictEqual(lines.length, 4)
      for (const line of lines) assert.notMatch(line, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
      assert.strictEqual(JSON.parse(lines[0]!).message, hostile)
      assert.deepStrictEqual(JSON.parse(lines[2]!).annotations, { [hostile]: hostile })
    }),
  )
})
