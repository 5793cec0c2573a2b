import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { predecessors } from "../src/internal/ConfigStore/Undo.ts"

/** Few hashes, so that documents are often restored by hand. */
const digit = fc.constantFrom("a", "b", "c")
const step = fc.oneof({ weight: 3, arbitrary: digit }, { weight: 2, arbitrary: fc.constant("undo" as const) })

describe("the way back", () => {
  it("goes back the way that it came, however often a document was restored by hand or by undo", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 24 }), (steps) => {
        const entries: Array<{ hash: string; backTo?: string }> = [{ hash: "start" }]
        const way = ["start"]
        for (const what of steps) {
          if (what === way.at(-1)) continue
          if (what !== "undo") {
            entries.unshift({ hash: what })
            way.push(what)
            continue
          }
          const [before] = predecessors(entries, way.at(-1) ?? "")
          assert.strictEqual(before, way.at(-2))
          if (before === undefined) continue
          entries.unshift({ hash: before, backTo: before })
          way.pop()
        }
      }),
    )
  })

  it("goes back over a document that has other secrets since an undo", () => {
    const entries = [{ hash: "B2", backTo: "B" }, { hash: "C" }, { hash: "B" }, { hash: "A" }]
    assert.deepStrictEqual(predecessors(entries, "B2"), ["A"])
    assert.deepStrictEqual(predecessors([{ hash: "D" }, ...entries], "D"), ["B", "A"])
  })

  it("ends at an entry that the history has lost, and at an unknown document", () => {
    assert.deepStrictEqual(predecessors([{ hash: "A", backTo: "A" }, { hash: "B" }], "A"), [])
    assert.deepStrictEqual(predecessors([{ hash: "B" }, { hash: "A" }], "C"), [])
  })
})
