import { PassThrough } from "node:stream"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { makeBoundedWriter, maxWaitingBytes } from "../src/internal/Host/StandardOutput.ts"

it.live("buffers unread lines up to a bound, and reports the skipped ones at their position", () =>
  Effect.gen(function* () {
    const stream = new PassThrough()
    const write = makeBoundedWriter(
      () => stream,
      (missing) => `${missing} missing`,
    )
    const print = (line: string) => write(line, (written) => void stream.write(`${written}\n`))
    const long = "x".repeat(1_000)
    for (let count = 0; count < 3_000; count++) print(`${count} ${long}`)
    assert.isAtMost(stream.writableLength, maxWaitingBytes + 2_000)

    const lines: Array<string> = []
    const read = (pattern: RegExp) =>
      Effect.callback<void>((resume) => {
        let rest = ""
        const take = (text: string) => {
          const words = (rest + text).split("\n")
          rest = words.pop() ?? ""
          lines.push(...words.map((line) => line.replace(long, "").trim()))
          if (!words.some((line) => pattern.test(line))) return
          stream.off("data", take).pause()
          resume(Effect.void)
        }
        stream.setEncoding("utf8").on("data", take).resume()
      })
    yield* read(/missing/)
    const kept = lines.slice(0, -1)
    assert.isAbove(kept.length, 1_000)
    assert.deepStrictEqual(
      kept,
      Array.from(kept, (_, index) => String(index)),
    )
    assert.strictEqual(lines.at(-1), `${3_000 - kept.length} missing`)

    print("and on")
    yield* read(/and on/)
    assert.strictEqual(lines.at(-1), "and on")
  }),
)
