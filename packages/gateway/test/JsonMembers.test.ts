import { assert, it } from "@effect/vitest"
import { jsonName, namesIn, renamed } from "../src/internal/Gateway/ModelName.ts"
import { JsonMembers } from "../src/internal/JsonMembers.ts"
import { Generator, generated, jsonText, objectText, stringText } from "./Generated.ts"

const rename = (text: string, alias: string): string => {
  const bytes = Buffer.from(text)
  const members = new JsonMembers()
  members.scan(bytes, 0, bytes.length)
  return renamed(bytes, 0, bytes.length, namesIn(bytes, members), jsonName(alias)).toString()
}

it("replaces the model name at any position and changes no other byte", () => {
  generated(5_000, (random) => {
    const members = random.times(
      6,
      () => [random.pick(["a", "id", "choices", "Model", "models", "mode"]), jsonText(random)] as const,
    )
    const model = stringText(random, random.pick(["gpt", 'g"p', "modèle", "", "😀", "z".repeat(300)]))
    const at = random.below(members.length + 1)
    const make = (name: string, order: Generator) =>
      objectText(order, [...members.slice(0, at), ["model", name], ...members.slice(at)])
    // The same white space and spelling on both sides.
    const seed = random.below(2 ** 31)
    const text = make(model, new Generator(seed))
    const expected = make('"alias"', new Generator(seed))
    assert.strictEqual(rename(text, "alias"), expected)
    assert.deepStrictEqual(JSON.parse(rename(text, "alias")), { ...JSON.parse(text), model: "alias" })
  })
})

it("finds the value of `usage` that a parser finds", () => {
  generated(3_000, (random) => {
    const text = objectText(
      random,
      random.times(6, () => [random.pick(["usage", "a", "model"]), jsonText(random)] as const),
    )
    const bytes = Buffer.from(text)
    const members = new JsonMembers()
    assert.isTrue(members.scan(bytes, 0, bytes.length))
    const parsed: { readonly usage?: unknown } = JSON.parse(text)
    if (parsed.usage === undefined) assert.strictEqual(members.usageStart, -1)
    else assert.deepStrictEqual(JSON.parse(bytes.toString("utf8", members.usageStart, members.usageEnd)), parsed.usage)
  })
})

it("replaces a repeated name everywhere, because parsers differ in which one they use", () => {
  assert.strictEqual(rename('{"model":"a","x":1,"mod\\u0065l":"b"}', "c"), '{"model":"c","x":1,"mod\\u0065l":"c"}')
  assert.strictEqual(rename('{"model":null,"model":"b"}', "c"), '{"model":null,"model":"c"}')
})

it("leaves a model that is not a string, or is nested, unchanged", () => {
  for (const text of [
    '{"model":null}',
    '{"model":{"model":"a"}}',
    '{"choices":[{"model":"a"}]}',
    '[{"model":"a"}]',
    '"model"',
    "{}",
  ]) {
    assert.strictEqual(rename(text, "c"), text)
  }
})

it("leaves truncated and invalid objects unchanged", () => {
  const text = '{"id":"x","model":"a\\"b","choices":[{"message":{"content":"}]"}}],"usage":{"prompt_tokens":1}}'
  for (let length = 0; length < text.length; length++) {
    const cut = text.slice(0, length)
    assert.strictEqual(rename(cut, "c"), cut, cut)
  }
  for (const bad of [
    '{"model":"a",}',
    '{"model" "a"}',
    '{"model":}',
    '{"model":"a"}}',
    '{"model":"a"} x',
    '{"model":"a"b}',
    "{model:1}",
  ]) {
    assert.strictEqual(rename(bad, "c"), bad)
  }
})
