/** Edits change what they say and leave everything else in the text alone. */
import { assert, describe, it, vi } from "@effect/vitest"
import { type Edit, redactionMarker } from "@signalbox/core/ConfigDocument"
import { pointer, type Tokens } from "@signalbox/core/JsonPointer"
import { Result } from "effect"
import * as fc from "fast-check"
import { equivalent } from "../src/internal/ConfigDocument/Difference.ts"
import { EditedText } from "../src/internal/ConfigDocument/EditedText.ts"
import { readText } from "../src/internal/ConfigDocument/Reader.ts"
import { parse } from "../src/internal/ConfigDocument/Text.ts"
import { absent, lookup, replaceAt } from "../src/internal/Json.ts"
import { aDocument, aHand, aJsonValue, document, write } from "./ConfigDocumentHost.ts"

const edit = (text: string, ...edits: ReadonlyArray<Edit>): string => Result.getOrThrow(document.edit(text, edits))

const refusal = (text: string, ...edits: ReadonlyArray<Edit>): string => {
  const result = document.edit(text, edits)
  assert.isTrue(Result.isFailure(result))
  return Result.isFailure(result)
    ? result.failure.map(({ line, column, path, message }) => `${line}:${column} ${path} ${message}`).join("\n")
    : ""
}

const pathsOf = (value: unknown, path: Tokens = []): ReadonlyArray<Tokens> =>
  typeof value === "object" && value !== null
    ? [path, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...path, key]))]
    : [path]

describe("ConfigDocument.edit", () => {
  it("takes effect and keeps every comment outside the replaced values, for generated texts and edits", () => {
    const aValue = fc.oneof(
      // As an edit arrives: without negative zero.
      aJsonValue.map((value) => JSON.parse(JSON.stringify(value)) as unknown),
      fc.constant(absent),
    )
    fc.assert(
      fc.property(
        aDocument,
        aHand,
        fc.array(fc.tuple(fc.nat(1000), fc.constantFrom("", "new", "-", "0"), aValue), { minLength: 1, maxLength: 8 }),
        (value, hand, edits) => {
          const edited = new EditedText(write(value, hand), value, readText)
          let expected: unknown = value
          for (const [index, added, next] of edits) {
            const paths = pathsOf(expected)
            const base = paths[index % paths.length]!
            const tokens = added === "" ? base : [...base, added]
            const before = Result.getOrThrow(edited.finish())
            const wanted = tokens.length === 0 ? absent : replaceAt(expected, tokens, next)
            assert.strictEqual(edited.set(tokens, next) === undefined, wanted !== absent, pointer(tokens))
            if (wanted === absent) continue
            const text = Result.getOrThrow(edited.finish())
            assert.isTrue(equivalent(Result.getOrThrow(parse(text)), wanted))
            if (lookup(expected, tokens) === absent && next !== absent) {
              for (const comment of before.match(/note \d+/g) ?? []) assert.include(text, comment)
            }
            if (hand.eol === "\r\n" && hand.indent !== "") assert.notMatch(text, /[^\r]\n/)
            expected = wanted
          }
        },
      ),
      { numRuns: 1500 },
    )
  })

  it("applies many edits at once like one by one, for generated texts and edits", () => {
    const anEdit = fc.record({
      index: fc.nat(1000),
      added: fc.constantFrom("", "", "new", "-", "0"),
      value: fc.option(fc.jsonValue({ maxDepth: 2 }), { nil: undefined }),
    })
    fc.assert(
      fc.property(aDocument, aHand, fc.array(anEdit, { minLength: 2, maxLength: 12 }), (value, hand, chosen) => {
        let text = write(value, hand)
        const start = text
        const edits: Array<Edit> = []
        for (const { added, index, value } of chosen) {
          const paths = pathsOf(Result.getOrThrow(parse(text))).slice(1)
          const base = paths[index % paths.length] ?? ["models"]
          const path = pointer(added === "" ? base : [...base, added])
          const one: Edit = value === undefined ? { path, remove: true } : { path, value }
          const next = document.edit(text, [one])
          if (Result.isFailure(next)) continue
          edits.push(one)
          text = next.success
        }
        assert.strictEqual(edit(start, ...edits), text)
      }),
      { numRuns: 500 },
    )
  })

  it("parses the whole text no more often for 1,000 edits than for one", () => {
    const models = Array.from({ length: 2000 }, (_, index) => [`model-${index}`, { upstream: `up-${index}` }])
    const text = JSON.stringify({ version: 1, models: Object.fromEntries(models) }, undefined, 2)
    const edits = Array.from({ length: 1000 }, (_, index): Edit => {
      if (index % 3 === 0) return { path: `/models/model-${index}`, remove: true }
      const upstream = { path: `/models/model-${index}/upstream`, value: `next-${index}` }
      return index % 3 === 1 ? upstream : { path: `/models/new-${index}`, value: { upstream: "x" } }
    })
    const parsed = (edits: ReadonlyArray<Edit>): number => {
      const spy = vi.spyOn(JSON, "parse")
      edit(text, ...edits)
      const long = spy.mock.calls.filter(([part]) => part.length * 2 > text.length)
      spy.mockRestore()
      return long.length
    }
    assert.strictEqual(parsed(edits), parsed(edits.slice(0, 1)))
    assert.strictEqual(Object.keys(JSON.parse(edit(text, ...edits)).models).length, 2000 - 334 + 333)
  })

  it("uses the layout of the neighbours for new and changed members", () => {
    const text = `{
  // the port
  "server": { "port": 1 }, // seldom
  "models": {
    "a": { "upstream": "x" }, // first
    "b": {
      "upstream": "y" // second
    }
  }
}
`
    assert.strictEqual(
      edit(
        text,
        { path: "/server/mode", value: "tls" },
        { path: "/models/c", value: { upstream: "z", allowed_keys: ["k"] } },
        { path: "/models/b/enabled", value: false },
        { path: "/models/a", remove: true },
        { path: "/retention/drain", value: "5 seconds" },
      ),
      `{
  // the port
  "server": { "port": 1, "mode": "tls" }, // seldom
  "models": {
    "b": {
      "upstream": "y", // second
      "enabled": false
    },
    "c": {
      "upstream": "z",
      "allowed_keys": ["k"]
    }
  },
  "retention": {
    "drain": "5 seconds"
  }
}
`,
    )
  })

  it("keeps trailing commas, a text on one line, and a byte order mark", () => {
    assert.strictEqual(
      edit('{"server":{"port":1}}', { path: "/server/mode", value: "tls" }),
      '{"server":{"port":1,"mode":"tls"}}',
    )
    assert.strictEqual(edit('{\n\t"a": 1,\n}', { path: "/b", value: 2 }), '{\n\t"a": 1,\n\t"b": 2,\n}')
    assert.strictEqual(edit('{\n\t"a": 1,\n\t"b": 2,\n}', { path: "/b", remove: true }), '{\n\t"a": 1,\n}')
    assert.strictEqual(edit('\uFEFF{ "a": 1, "b": 2 }', { path: "/b", remove: true }), '\uFEFF{ "a": 1 }')
    assert.strictEqual(edit("{}", { path: "/a/b", value: null }), '{"a":{"b":null}}')
    assert.strictEqual(edit("{\n}\n", { path: "/a", value: [] }), '{\n  "a": []\n}\n')
  })

  it("leaves the text alone when an edit has no effect", () => {
    const text = '{ "server": { "port": 1 }, }'
    assert.strictEqual(edit(text, { path: "/server/port", value: 1 }), text)
    assert.strictEqual(edit(text, { path: "/server/mode", remove: true }), text)
    assert.strictEqual(edit(text, { path: "/models/a/b", remove: true }), text)
  })

  it("reaches into arrays, and appends with -", () => {
    const text = '{ "plugins": [{ "name": "a", "token": null }] }'
    const longer = edit(
      text,
      { path: "/plugins/-", value: { name: "b", token: null } },
      { path: "/plugins/0/name", value: "c" },
    )
    assert.deepStrictEqual(JSON.parse(longer), {
      plugins: [
        { name: "c", token: null },
        { name: "b", token: null },
      ],
    })
    assert.deepStrictEqual(JSON.parse(edit(longer, { path: "/plugins/0", remove: true })), {
      plugins: [{ name: "b", token: null }],
    })
    assert.include(refusal(text, { path: "/plugins/7", value: {} }), "no place")
    assert.include(refusal(text, { path: "/plugins/01", value: {} }), "no place")
    assert.include(refusal(text, { path: "/plugins/0/name/x", value: 1 }), "no place")
  })

  it("refuses edits that cannot take effect, with their position", () => {
    const twice = '{\n  "server": { "port": 1 },\n  "server": { "port": 2 }\n}'
    assert.strictEqual(
      refusal(twice, { path: "/server/port", value: 3 }),
      '3:13 /server the key "server" occurs twice here, so that an edit would be ambiguous: remove one',
    )
    assert.include(refusal("{}", { path: "", value: {} }), "replace it")
    assert.include(refusal("{}", { path: "a", value: 1 }), "a path starts with /")
    assert.include(refusal("{}", { path: "/a~2", value: 1 }), "a path starts with /")
    assert.include(refusal("{}", { path: "/__proto__/x", value: 1 }), "__proto__")
    assert.include(refusal("{}", { path: "/version", value: 3 }), "version")
    for (const value of [undefined, () => 1, Number.NaN, new Date(0), { deep: [1n] }]) {
      assert.include(refusal("{}", { path: "/a", value }), "not JSON")
    }
    const circle: Record<string, unknown> = {}
    circle["self"] = circle
    assert.include(refusal("{}", { path: "/a", value: circle }), "not JSON")
    assert.include(refusal('{ "a": ', { path: "/a", value: 1 }), "ends too early")
  })

  it("refuses each edit at or below a repeated key, whatever the first of its members holds", () => {
    for (const first of ["1", "[]", "{}", '{ "port": 1 }', '{ "port": 2, "mode": "tls" }']) {
      const text = `{ "server": ${first}, "server": { "port": 2, "mode": "tls" }, "models": {} }`
      for (const one of [
        { path: "/server", remove: true as const },
        { path: "/server", value: { port: 3 } },
        { path: "/server/port", value: 3 },
        { path: "/server/mode", remove: true as const },
        { path: "/server/new", value: 1 },
      ]) {
        assert.include(refusal(text, one), '/server the key "server" occurs twice here')
        assert.include(
          refusal(text, { path: "/models/a", value: {} }, one),
          '/server the key "server" occurs twice here',
        )
      }
    }
  })

  it("escapes strings and writes negative zero as zero", () => {
    assert.strictEqual(edit('{"a":1}', { path: "/a", value: -0 }), '{"a":0}')
    const next = edit("{}", { path: "/a~1b/m~0n", value: 'q"\\\ud800\n' })
    assert.deepStrictEqual(JSON.parse(next), { "a/b": { "m~n": 'q"\\\ud800\n' } })
    assert.isTrue(next.isWellFormed())
  })

  it("refuses an edit that would exceed the nesting limit", () => {
    const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)])
    assert.isTrue(Result.isSuccess(document.edit("{}", [{ path: "/a".repeat(100), value: deep(100) }])))
    const problem = refusal("{}", { path: "/a".repeat(100), value: deep(101) }, { path: "/b", value: 1 })
    assert.strictEqual(problem, `1:1 ${"/a".repeat(100)} nested deeper than 200 levels: make it flatter`)
    assert.include(refusal("{}", { path: "/a".repeat(201), value: 1 }), "nested deeper than 200 levels")
    assert.include(refusal("{}", { path: "/a".repeat(1_000_000), value: 1 }), "nested deeper than 200 levels")
  })

  it("replaces markers by stored secrets at any depth, and refuses a marker without a stored secret", () => {
    const text = '{ "providers": { "p": { "url": "http://a", "api_key": "sk-1" } } }'
    const next = edit(text, { path: "/providers/p", value: { url: "http://b", api_key: redactionMarker } })
    assert.deepStrictEqual(JSON.parse(next), { providers: { p: { url: "http://b", api_key: "sk-1" } } })
    assert.include(
      refusal(text, { path: "/providers/q", value: { url: "http://b", api_key: redactionMarker } }),
      "/providers/q/api_key no secret is stored",
    )
  })
})
