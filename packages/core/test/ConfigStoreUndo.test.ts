import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { predecessors } from "../src/internal/ConfigStore/Undo.ts"

/** Few, so that documents are set back by hand often. */
const digit = fc.constantFrom("a", "b", "c")
const step = fc.oneof({ weight: 3, arbitrary: digit }, { weight: 2, arbitrary: fc.constant("undo" as const) })

describe("the way back", () => {
  it("is the way there, however often a document was set back by hand or by undo", () => {
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

  it("leads over a document that stands with other secrets since a step back", () => {
    const entries = [{ hash: "B2", backTo: "B" }, { hash: "C" }, { hash: "B" }, { hash: "A" }]
    assert.deepStrictEqual(predecessors(entries, "B2"), ["A"])
    assert.deepStrictEqual(predecessors([{ hash: "D" }, ...entries], "D"), ["B", "A"])
  })

  it("ends where the history has lost what was gone back to, and where it does not know the document", () => {
    assert.deepStrictEqual(predecessors([{ hash: "A", backTo: "A" }, { hash: "B" }], "A"), [])
    assert.deepStrictEqual(predecessors([{ hash: "B" }, { hash: "A" }], "C"), [])
  })
})
