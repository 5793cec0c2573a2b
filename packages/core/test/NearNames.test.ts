import { assert, describe, it } from "@effect/vitest"
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import * as FastCheck from "fast-check"

describe("nearNames", () => {
  it("finds names with one letter more, less, changed or swapped in any case, the nearest first", () => {
    assert.deepStrictEqual(nearNames("gpt4o", ["claude", "gpt-4", "gpt-4o"]), ["gpt-4o", "gpt-4"])
    assert.deepStrictEqual(nearNames("FSAT", ["last", "fast"]), ["fast", "last"])
    assert.deepStrictEqual(nearNames("smrat", ["smart"]), ["smart"])
  })

  it("does not suggest a short name without a common letter", () => {
    assert.deepStrictEqual(nearNames("ab", ["cd", "xb", "c"]), ["xb"])
    assert.deepStrictEqual(nearNames("a", ["b", "c"]), [])
    assert.deepStrictEqual(nearNames("", ["a"]), [])
  })

  it("suggests at most three names, and none for a name of more than 64 characters", () => {
    const candidates = Array.from({ length: 1_000 }, (_, index) => `model-${String(index).padStart(3, "0")}`)
    assert.deepStrictEqual(nearNames("model-500", candidates), ["model-500", "model-000", "model-050"])
    assert.deepStrictEqual(nearNames("x".repeat(65), ["x".repeat(65)]), [])
  })

  it("counts slips like the textbook recursion", () => {
    const word = FastCheck.string({ unit: FastCheck.constantFrom("a", "b", "c"), minLength: 3, maxLength: 7 })
    FastCheck.assert(
      FastCheck.property(word, word, (name, candidate) => {
        assert.strictEqual(nearNames(name, [candidate]).length === 1, distance(name, candidate) <= 2)
      }),
      { numRuns: 2_000 },
    )
  })

  it("formats the suggestion", () => {
    assert.strictEqual(didYouMean(["fast", "last"]), ' (did you mean "fast" or "last"?)')
    assert.strictEqual(didYouMean([]), "")
  })
})

/** Optimal string alignment by its definition. */
const distance = (a: string, b: string): number => {
  if (a === "" || b === "") return a.length + b.length
  const [x, y] = [a.slice(0, -1), b.slice(0, -1)]
  const same = a.at(-1) === b.at(-1)
  const ways = [distance(x, b) + 1, distance(a, y) + 1, distance(x, y) + (same ? 0 : 1)]
  if (a.length > 1 && b.length > 1 && a.at(-1) === b.at(-2) && a.at(-2) === b.at(-1)) {
    ways.push(distance(a.slice(0, -2), b.slice(0, -2)) + 1)
  }
  return Math.min(...ways)
}
