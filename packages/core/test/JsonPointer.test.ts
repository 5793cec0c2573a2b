import { assert, describe, it } from "@effect/vitest"
import { find, parsePointer, pointer } from "@signalbox/core/JsonPointer"
import * as fc from "fast-check"

describe("JsonPointer", () => {
  it("builds a pointer from any tokens and parses it back", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom("", "~", "/", "~1", "~01", "__proto__"))),
        (tokens) => {
          assert.deepStrictEqual(parsePointer(pointer(tokens)), tokens)
        },
      ),
    )
  })

  it("requires a leading slash and supports two escapes", () => {
    assert.deepStrictEqual(["", "/", "/a~1b/~01"].map(parsePointer), [[], [""], ["a/b", "~1"]])
    for (const none of ["a", "a/b", "/~", "/~2", "#/a"]) assert.isUndefined(parsePointer(none))
  })

  it("finds the value, or the first missing token and the keys beside it", () => {
    const root = JSON.parse('{ "a": [{ "b": null }, 0], "__proto__": { "c": 1 } }')
    for (const path of ["", "/a", "/a/0/b", "/a/1", "/__proto__/c"])
      assert.property(find(root, parsePointer(path)!), "found", path)
    assert.deepStrictEqual(find(root, ["a", "0", "b"]), { found: null })
    assert.deepStrictEqual(find(root, ["a", "0", "x", "y"]), { missing: "x", keys: ["b"] })
    assert.deepStrictEqual(find(root, ["constructor"]), { missing: "constructor", keys: ["a", "__proto__"] })
    for (const token of ["2", "00", "-", "length", "-1", "1.0", "9999999999"]) {
      assert.deepStrictEqual(find(root, ["a", token]), { missing: token, keys: [] })
    }
    assert.deepStrictEqual(find(root, ["a", "1", "x"]), { missing: "x", keys: [] })
  })
})
