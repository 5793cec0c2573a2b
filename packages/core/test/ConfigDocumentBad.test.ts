/** Bad documents: never a crash, always a position, and no value of the document in a message. */
import { assert, describe, it } from "@effect/vitest"
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import type { Problem } from "@signalbox/core/ConfigError"
import { Result, Schema } from "effect"
import * as fc from "fast-check"
import { firstFault, parse } from "../src/internal/ConfigDocument/Text.ts"
import { sameValue } from "../src/internal/StructuralSharing.ts"
import { aDocument, aHand, document, scalarsIn, textsOf, write } from "./ConfigDocumentHost.ts"

const refused = (text: string): ReadonlyArray<Problem> => {
  const result = document.load(text, {})
  assert.isTrue(Result.isFailure(result), `accepted: ${text.slice(0, 80)}`)
  return Result.isFailure(result) ? result.failure : []
}

/** Each problem has a position within the text, and none repeats a value. */
const proper = (text: string, problems: ReadonlyArray<Problem>, texts: ReadonlyArray<string>): void => {
  const lines = text.split(/\r?\n/)
  assert.isAbove(problems.length, 0)
  assert.isAtMost(problems.length, 257)
  for (const { column, line, message } of problems) {
    assert.isDefined(line)
    assert.isDefined(column)
    assert.isAtMost(line!, lines.length)
    assert.isAtLeast(line!, 1)
    assert.isAtLeast(column!, 1)
    assert.isAtMost(column!, lines[line! - 1]!.length + 1)
    for (const value of texts) if (value.length > 5) assert.notInclude(message, value)
  }
}

type Mutation = (text: string, at: number, other: number) => string

const place = (text: string, at: number): number => Math.floor(at * (text.length + 1))
const pick = <A>(all: ReadonlyArray<A>, at: number): A | undefined => all[Math.floor(at * all.length)]
const nth = (text: string, pattern: RegExp, at: number) => pick([...text.matchAll(pattern)], at)
const swap = (text: string, match: RegExpExecArray | undefined, by: string): string =>
  match === undefined ? text : text.slice(0, match.index) + by + text.slice(match.index + match[0].length)

const insertions = [
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  '"',
  "\\",
  "//",
  "/*",
  "*/",
  "null",
  "-",
  "1e999",
  "\u0000",
  "\u00a0",
  "\ud800",
  '"__proto__":{},',
  "é",
]
const values = [
  "null",
  "true",
  "-1",
  "1.5",
  "1e400",
  '""',
  '"\\ud800"',
  "[]",
  "{}",
  '{"a":[{}]}',
  "[[]]",
  '"9 lives"',
  "NaN",
  "undefined",
  "'x'",
]
const aKey = /"(?:[^"\\]|\\.)*"(?=\s*:)/g

const mutations: Readonly<Record<string, Mutation>> = {
  flip: (text, at, other) => {
    const offset = Math.min(place(text, at), text.length - 1)
    return (
      text.slice(0, offset) +
      String.fromCharCode(text.charCodeAt(offset) ^ (1 << Math.floor(other * 8))) +
      text.slice(offset + 1)
    )
  },
  cut: (text, at) => text.slice(0, place(text, at)),
  behead: (text, at) => text.slice(place(text, at)),
  remove: (text, at, other) =>
    text.slice(0, place(text, at)) + text.slice(place(text, at) + 1 + Math.floor(other * 12)),
  insert: (text, at, other) =>
    text.slice(0, place(text, at)) + insertions[Math.floor(other * insertions.length)] + text.slice(place(text, at)),
  retype: (text, at, other) => swap(text, pick(scalarsIn(text), at), values[Math.floor(other * values.length)]!),
  rekey: (text, at, other) => swap(text, nth(text, aKey, at), nth(text, aKey, other)?.[0] ?? '"x"'),
  repeat: (text, at, other) => {
    const from = place(text, at)
    const part = text.slice(from, from + Math.floor(other * 60))
    return text.slice(0, from) + part + text.slice(from)
  },
}

describe("ConfigDocument.load of bad documents", () => {
  it("loads or refuses, with positions, 4,000 mutations of good documents", () => {
    const seen = { good: 0, bad: 0 }
    const fraction = fc.double({ min: 0, max: 0.9999, noNaN: true })
    fc.assert(
      fc.property(
        aDocument,
        aHand,
        fc.constantFrom(...Object.values(mutations)),
        fraction,
        fraction,
        (value, hand, mutate, at, other) => {
          const good = write(value, hand)
          const before = Result.getOrThrow(document.load(good, {}))
          const text = mutate(good, at, other)
          const result = document.load(text, {}, before)
          const fresh = document.load(text, {})
          assert.strictEqual(result._tag, fresh._tag)
          if (Result.isFailure(result)) {
            seen.bad++
            proper(text, result.failure, textsOf(value))
          } else if (Result.isSuccess(fresh)) {
            seen.good++
            assert.isTrue(sameValue(result.success.config, fresh.success.config))
            for (const { message } of result.success.warnings) {
              for (const secret of textsOf(value)) if (secret.length > 5) assert.notInclude(message, secret)
            }
          }
        },
      ),
      { numRuns: 4000 },
    )
    assert.isAbove(seen.bad, 1500)
    assert.isAbove(seen.good, 200)
  })

  it("finds a fault exactly where JSON.parse fails", () => {
    const parses = (text: string): boolean => {
      try {
        JSON.parse(text)
        return true
      } catch {
        return false
      }
    }
    const pieces = fc.array(
      fc.constantFrom(
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        '"a"',
        '"',
        "1",
        "-0.5e+3",
        "01",
        "1.",
        "true",
        "nul",
        " ",
        "\n",
        '"\\u00e9"',
        '"\\x"',
        '"\t"',
      ),
      { maxLength: 9 },
    )
    const aText = fc.oneof(
      pieces.map((parts) => parts.join("")),
      fc.json(),
      fc.json().chain((text) => fc.nat(text.length).map((at) => text.slice(0, at) + text.slice(at + 1))),
    )
    fc.assert(
      fc.property(aText, (text) => {
        const accepted = firstFault(text).message === "this is not JSON"
        assert.strictEqual(accepted, parses(text), text)
      }),
      { numRuns: 5000 },
    )
  })

  it("ignores comments and trailing commas", () => {
    fc.assert(
      fc.property(aDocument, aHand, (value, hand) => {
        assert.deepStrictEqual(Result.getOrThrow(parse(write(value, hand))), value)
      }),
      { numRuns: 500 },
    )
  })

  it("reports the position and the remedy of each kind of fault", () => {
    const first = (text: string): string => {
      const problem = refused(text)[0]!
      return `${problem.line}:${problem.column} ${problem.path} ${problem.message}`
    }
    assert.strictEqual(first(""), "1:1  the document is empty: write {} at least")
    assert.strictEqual(first(" [1]"), "1:1  the document must be an object in braces, not an array")
    assert.strictEqual(first("3"), "1:1  the document must be an object in braces, not a number")
    assert.strictEqual(first('{\n  "server": {\n    "port": 1,,\n  }\n}'), "3:15  a comma too many: remove it")
    assert.strictEqual(first('{\n  "server": { "port": }\n}'), "2:23  a value is expected here")
    assert.strictEqual(first('{ "server": 1'), "1:14  the document ends too early: } is missing")
    assert.strictEqual(first("{ /* never closed"), "1:3  this comment is never closed: add */")
    assert.strictEqual(first('\uFEFF{"server": {"port": "x"}}'), "1:21 /server/port must be a number, not a string")
    assert.strictEqual(
      first('{ "models": {\n  "a": { "enabled": false } } }'),
      '2:8 /models/a/upstream is missing: add the key "upstream"',
    )
    assert.strictEqual(first('{ "server": { "mode": "ssl" } }'), '1:23 /server/mode must be "plain" or "tls"')
    assert.strictEqual(
      first('{ "retention": { "events_days": 9999 } }'),
      "1:33 /retention/events_days must be a value between 0 and 3650",
    )
    assert.strictEqual(
      first('{ "version": 2 }').startsWith("1:14 /version this document was written by a newer version"),
      true,
    )
    assert.strictEqual(first('{ "version": "1" }'), "1:14 /version must be a whole number from 1 to 1, not a string")
    assert.strictEqual(
      first('{ "server": { "port": 1e400 } }'),
      "1:23 /server/port this number is out of range: write a smaller one",
    )
    assert.strictEqual(
      first('{ "models": { "__proto__": {} } }'),
      "1:15 /models/__proto__ the key __proto__ is not allowed: rename it",
    )
    assert.strictEqual(first('{ "a": "\ud800" }'), "1:9  half of a surrogate pair: remove the broken character")
  })

  it("lists the values of the key that distinguishes the members of a union", () => {
    const Smtp = Schema.Struct({ kind: Schema.Literal("smtp"), host: Schema.String })
    const File = Schema.Struct({ kind: Schema.Literal("file"), path: Schema.String })
    const mail = ConfigDocument.make({ schema: Schema.Struct({ mail: Schema.Union([Smtp, File]) }) })
    const said = (value: string) => {
      const loaded = mail.load(`{ "mail": ${value} }`, {})
      return Result.isFailure(loaded)
        ? loaded.failure.map(({ column, message, path }) => `${column} ${path} ${message}`)
        : []
    }
    assert.deepStrictEqual(said('{ "kind": "ftp" }'), ['21 /mail/kind must be "smtp" or "file"'])
    assert.deepStrictEqual(said("{}"), ['11 /mail/kind must be "smtp" or "file"'])
    assert.deepStrictEqual(said('{ "kind": "file" }'), ['11 /mail/path is missing: add the key "path"'])
    assert.match(said("3")[0] ?? "", /^11 \/mail must be .* not a number$/)
  })

  it("refuses extreme nesting and length, and bounds the number of problems", () => {
    const depth = 100_000
    assert.include(refused(`${"[".repeat(depth)}${"]".repeat(depth)}`)[0]!.message, "nested deeper")
    assert.include(refused(`{"a":${'{"a":'.repeat(depth)}1${"}".repeat(depth)}}`)[0]!.message, "nested deeper")
    assert.include(refused("[".repeat(depth))[0]!.message, "nested deeper")
    assert.include(refused(`{"a":"${"x".repeat(17 * 1024 * 1024)}"}`)[0]!.message, "longer than 16 MiB")
    const models = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`a${index}`, {}]))
    const many = refused(JSON.stringify({ models }))
    assert.strictEqual(many.length, 257)
    assert.strictEqual(many.at(-1)!.message, "and 744 more")
  })

  it("never repeats a value in a message", () => {
    const text =
      '{ "plugins": [{ "name": 1, "token": ["sk-1234567"] }], "providers": { "p": { "url": "ftp://secret-host" } }, "retention": { "drain": "forever and ever" } }'
    for (const { message } of refused(text)) {
      for (const value of ["sk-1234567", "secret-host", "forever"]) assert.notInclude(message, value)
    }
  })
})
