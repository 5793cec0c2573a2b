import { assert, it } from "@effect/vitest"
import { eventLine } from "@signalbox/core/EventLine"

const line = (fields: object) => eventLine({ _tag: "test.happened", ...fields })

it("formats the type and the present fields in their order", () => {
  assert.strictEqual(
    line({ service: "hello/Router", revision: 2, forced: false, reason: undefined, paths: ["/models/fast"] }),
    'test.happened service=hello/Router revision=2 forced=false paths=["/models/fast"]',
  )
  assert.strictEqual(line({ reason: "no reason given" }), 'test.happened reason="no reason given"')
})

it("cuts a hash to its first digits", () => {
  assert.strictEqual(line({ hash: "0123456789abcdef".repeat(4) }), "test.happened hash=0123456789ab")
})

it("keeps a line on one line of bounded length, without control characters", () => {
  const controls = String.fromCharCode(...Array.from({ length: 0x20 }, (_, code) => code), 0x7f, 0x85, 0x9b)
  const shown = line({ reason: `${controls}[2J`, alias: "x".repeat(1000) })
  assert.notMatch(shown, /\p{Cc}/u)
  assert.include(shown, "\\u001b")
  assert.include(shown, "\\u009b[2J")
  assert.isAtMost(line({ reason: "x y".repeat(1000) }).length, 250)
})
