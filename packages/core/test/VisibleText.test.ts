/** Text for people has no invisible characters, whatever its source. */
import { assert, describe, it } from "@effect/vitest"
import { changeSummary } from "@signalbox/core/ChangeSummary"
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import { format } from "@signalbox/core/ConfigError"
import { eventLine } from "@signalbox/core/EventLine"
import { ModelSettings, Name } from "@signalbox/core/ModelSettings"
import { ProviderSettings } from "@signalbox/core/Providers"
import { escapeJson, escapeLine, escapeLines, visibleJson } from "@signalbox/core/VisibleText"
import { Result, Schema } from "effect"
import * as fc from "fast-check"
import { CredentialId, CredentialLabel, CredentialModels } from "../src/internal/Credential.ts"

/** One of each kind, written as escapes here for the same reason. */
const samples = [
  "\n",
  "\r",
  "\t",
  "\u0000",
  "\u001b",
  "\u007f",
  "\u0085",
  "\u009b",
  "\u00ad",
  "\u034f",
  "\u061c",
  "\u115f",
  "\u180e",
  "\u200b",
  "\u200d",
  "\u200e",
  "\u202a",
  "\u202e",
  "\u2028",
  "\u2029",
  "\u2060",
  "\u2066",
  "\u2069",
  "\u3164",
  "\ufe0f",
  "\ufeff",
  "\uffa0",
  "\u{e0001}",
  "\u{e0100}",
  "\ud800",
  "\udc00",
] as const // prettier-ignore

const anInvisible = fc.constantFrom(...samples)
const hostile = fc
  .array(fc.oneof(fc.constantFrom("a", "x b", "\\", '"', "é", "😀", "漢", "error: "), anInvisible), { maxLength: 6 })
  .map((parts) => parts.join(""))

const isVisible = (text: string): boolean =>
  !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u.test(text)

const assertLine = (text: string): void => assert.isTrue(isVisible(text), JSON.stringify(text))

describe("escapeLine", () => {
  it("escapes each kind of invisible character and nothing else", () => {
    for (const sample of samples) assert.match(escapeLine(sample), /^\\(?:x[\da-f]{2}|u[\da-f]{4}|u\{[\da-f]+\})$/)
    const plain = 'sk "quoted" \\ é ü 漢字 😀 → … ±'
    assert.strictEqual(escapeLine(plain), plain)
    assert.strictEqual(escapeLines("a\nb\u200b\n"), "a\nb\\u200b\n")
  })

  it("leaves one visible line, for generated texts", () => {
    fc.assert(fc.property(fc.oneof(hostile, fc.string({ unit: "binary" })), (text) => assertLine(escapeLine(text))))
  })
})

it("writes JSON that means the same, for generated values", () => {
  fc.assert(
    fc.property(fc.dictionary(hostile, fc.oneof(hostile, fc.integer())), (value) => {
      const json = visibleJson(value)
      assertLine(json)
      assert.strictEqual(JSON.stringify(JSON.parse(json)), JSON.stringify(value))
      assert.strictEqual(escapeJson(json), json)
      for (const line of visibleJson(value, 2).split("\n")) assertLine(line)
    }),
  )
  assert.strictEqual(visibleJson(undefined), "undefined")
})

it("shows problems, warnings, changes and events of a document with hostile keys and values on visible lines", () => {
  const schema = Schema.Struct({
    models: ModelSettings.schema,
    providers: ProviderSettings.schema,
    note: Schema.String,
  })
  const document = ConfigDocument.make({ schema })
  let shown = 0
  const show = (lines: ReadonlyArray<string>) => {
    shown += lines.length
    for (const line of lines) assertLine(line)
  }
  const load = (text: string, name: string) => {
    const loaded = document.load(text, {})
    const problems = Result.isFailure(loaded) ? loaded.failure : loaded.success.warnings
    show(problems.map((problem) => format(name, problem)))
    return loaded
  }
  fc.assert(
    fc.property(hostile, hostile, hostile, (key, value, name) => {
      const text = JSON.stringify({
        note: value,
        [`k${key}`]: value,
        models: { [key]: { upstream: value, [`m${key}`]: 1 }, twin: { upstream: "u", allowed_keys: [value] } },
        providers: { [key]: { kind: value, base_url: value, api_key: value } },
      })
      load(text, name)
      load(`${text}}`, name)
      const valid = { note: value, [`k${key}`]: value, models: { twin: { upstream: "u", [`m${key}`]: 1 } } }
      const [before, after] = [{ note: "" }, valid].map((json) => Result.getOrThrow(load(JSON.stringify(json), name)))
      const changes = document.changes(before!, after!)
      show(changeSummary([...changes, { path: `/${key}`, before: value, after: [value] }]).split("\n"))
      assert.isAtMost(changeSummary(changes).split("\n").length, changes.length + 1)
      show([eventLine({ _tag: "model.added", alias: key, provider: value } as never)])
    }),
  )
  assert.isAbove(shown, 1_000)
})

describe("names", () => {
  const schemas = [Name, CredentialId, CredentialLabel, CredentialModels]
  const accepts = (name: string) => [
    ...schemas.map((schema) =>
      Schema.is(schema as Schema.Schema<unknown>)(schema === CredentialModels ? [name] : name),
    ),
    Schema.is(ModelSettings.schema)({ [name]: { upstream: "u", provider: "p", enabled: true, allowedKeys: ["*"] } }),
    Schema.is(ProviderSettings.schema)({ [name]: { kind: "echo" } }),
    Schema.is(ModelSettings.schema)({ a: { upstream: "u", provider: "p", enabled: true, allowedKeys: [name] } }),
  ]

  it("refuse each kind of invisible character at each place", () => {
    for (const sample of [...samples, "\u00a0", "\u2003", "\u3000", "\u2800"]) {
      for (const name of [`${sample}fast`, `fa${sample}st`, `fast${sample}`]) {
        assert.notInclude(accepts(name), true, escapeLine(name))
      }
    }
  })

  it("accept letters of every script, signs and single spaces", () => {
    for (const name of ["fast", "gpt-4.1", "größe", "速い", "fast model", "😀", "a/b:c@d"]) {
      assert.isTrue(Schema.is(Name)(name), name)
    }
    for (const name of ["", " fast", "fast ", "x".repeat(201)]) assert.isFalse(Schema.is(Name)(name), name)
  })
})
