import { assert, it } from "@effect/vitest"
import { eventLine } from "@signalbox/core/EventLine"

const line = (fields: object) => eventLine({ _tag: "test.told", ...fields })

it("an event is its type and its fields in their order; what is absent is left out", () => {
  assert.strictEqual(
    line({ service: "hello/Router", revision: 2, forced: false, reason: undefined, paths: ["/models/fast"] }),
    'test.told service=hello/Router revision=2 forced=false paths=["/models/fast"]',
  )
  assert.strictEqual(line({ reason: "no reason given" }), 'test.told reason="no reason given"')
})

it("of a hash people see the beginning", () => {
  assert.strictEqual(line({ hash: "0123456789abcdef".repeat(4) }), "test.told hash=0123456789ab")
})

it("a line stays one line of bounded length, and no control character reaches the terminal", () => {
  const controls = String.fromCharCode(...Array.from({ length: 0x20 }, (_, code) => code), 0x7f, 0x85, 0x9b)
  const shown = line({ reason: `${controls}[2J`, alias: "x".repeat(1000) })
  assert.notMatch(shown, /\p{Cc}/u)
  assert.include(shown, "\\u001b")
  assert.include(shown, "\\u009b[2J")
  assert.isAtMost(line({ reason: "x y".repeat(1000) }).length, 250)
})
