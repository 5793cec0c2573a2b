/** Secrets of a document appear only in the decoded configuration. */
import { assert, describe, it } from "@effect/vitest"
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import { redactionMarker } from "@signalbox/core/ConfigDocument"
import { Option, Redacted, Result, Schema } from "effect"
import * as fc from "fast-check"
import { aDocument, aHand, document, textsOf, write } from "./ConfigDocumentHost.ts"

const marked = JSON.stringify(redactionMarker)

/** The secrets of generated documents are recognized by their first letters. */
const secretsOf = (value: unknown): ReadonlyArray<string> =>
  textsOf(value).filter((text) => /^(?:sk|hd|pt)-/.test(text))

const hides = (secrets: ReadonlyArray<string>, shown: unknown): void => {
  const text = typeof shown === "string" ? shown : JSON.stringify(shown)
  for (const secret of secrets) assert.notInclude(text, secret)
}

it("refuses a marker in a member whose key occurs again, at its position", () => {
  const secret = (key: string) => `{ "url": "https://x", "api_key": "${key}" }`
  const text = `{\n "providers": { "a": ${secret("sk-1")} },\n "providers": { "a": ${secret("sk-2")} }\n}`
  const restored = document.restore(document.redact(text), text)
  assert.deepStrictEqual(
    Result.isFailure(restored) ? restored.failure.map(({ message, path }) => [path, message]) : restored.success,
    [["/providers/a/api_key", "this secret does not count, because a key on the way to it occurs again: remove it"]],
  )
  const once = document.redact(text).replace(/.*"providers".*\n/, "")
  assert.strictEqual(Result.getOrThrow(document.restore(once, text)), text.replace(/.*"providers".*\n/, ""))
})

it("hides a credential in a comment and shows a comment without one", () => {
  const text = `{
  // "openai": { "url": "https://x", "api_key": "sk-proj-4f9aB1c2D3e4F5" }
  "models": {} // the small ones
}`
  const shown = document.redact(text)
  assert.strictEqual(shown.replace("// <redacted>", ""), text.replace(/\/\/ "openai".*/, ""))
  assert.strictEqual(Result.getOrThrow(document.restore(shown, text)), text)
})

describe("ConfigDocument with secrets", () => {
  it("keeps secrets out of every output, and restores the redacted text, for generated documents", () => {
    let count = 0
    fc.assert(
      fc.property(aDocument, aDocument, aHand, (first, second, hand) => {
        const texts = [write(first, hand), write(second, hand)] as const
        const secrets = [...secretsOf(first), ...secretsOf(second)]
        count += secrets.length
        const before = Result.getOrThrow(document.load(texts[0], {}))
        const after = Result.getOrThrow(document.load(texts[1], {}, before))
        hides(secrets, document.changes(before, after))
        hides(secrets, document.diff(before, after))
        hides(secrets, [before.effective, after.effective, before.config, before.warnings])
        const redacted = document.redact(texts[0])
        hides(secrets, redacted)
        assert.strictEqual(Result.getOrThrow(document.restore(redacted, texts[0])), texts[0])
        const rotated = document.redactRotated(texts[0], texts[1])
        for (const secret of secretsOf(first)) {
          if (!secretsOf(second).includes(secret)) assert.notInclude(rotated, secret)
        }
        assert.strictEqual(document.redactRotated(texts[0], texts[0]), texts[0])
      }),
      { numRuns: 500 },
    )
    assert.isAbove(count, 500)
  })

  it("finds secrets in every kind of schema", () => {
    const secret = Schema.RedactedFromValue(Schema.String)
    interface Tree {
      readonly key: Redacted.Redacted
      readonly next?: Tree
    }
    interface TreeEncoded {
      readonly key: string
      readonly next?: TreeEncoded
    }
    const tree: Schema.Codec<Tree, TreeEncoded> = Schema.Struct({
      key: secret,
      next: Schema.optionalKey(Schema.suspend(() => tree)),
    })
    class Account extends Schema.Class<Account>("Account")({ name: Schema.String, key: secret }) {}
    const schema = Schema.Struct({
      optional: Schema.optional(secret),
      nullable: Schema.NullOr(secret),
      array: Schema.Array(secret),
      tuple: Schema.Tuple([Schema.String, secret]),
      union: Schema.Union([
        Schema.Struct({ tag: Schema.Literal("a"), key: secret }),
        Schema.Struct({ tag: Schema.Literal("b"), text: Schema.String }),
      ]),
      renamed: Schema.Struct({ apiKey: secret }).pipe(Schema.encodeKeys({ apiKey: "api_key" })),
      wrapped: Schema.OptionFromNullOr(secret),
      account: Account,
      whole: Schema.RedactedFromValue(Schema.Struct({ user: Schema.String, password: Schema.String })),
      tree,
      open: Schema.Unknown,
    })
    const secrets = Array.from({ length: 13 }, (_, index) => `hush-${index}-hush`)
    const [a, b, c, d, e, f, g, h, i, j, k, l, m] = secrets
    const value = {
      optional: a,
      nullable: b,
      array: [c],
      tuple: ["shown", d],
      union: { tag: "a", key: e },
      renamed: { api_key: f },
      wrapped: g,
      account: { name: "shown", key: h },
      whole: { user: i, password: j },
      tree: { key: k, next: { key: l } },
      open: "shown",
      stray: { deep: [m] },
    }
    const many = ConfigDocument.make({ schema })
    const text = JSON.stringify(value)
    const loaded = Result.getOrThrow(many.load(text, {}))
    assert.strictEqual(Redacted.value(Option.getOrThrow(loaded.config.wrapped)), g)
    hides(secrets, many.redact(text))
    assert.strictEqual(many.redact(text).split("shown").length, 4)
    hides(secrets, loaded.effective)
    const empty = Result.getOrThrow(many.load(text.replaceAll("hush-", "loud-"), {}))
    hides(secrets, many.changes(loaded, empty))
    assert.isAbove(many.changes(loaded, empty).length, 10)
    assert.strictEqual(Result.getOrThrow(many.restore(many.redact(text), text)), text)
  })

  it("reports a changed secret as a change", () => {
    const text = (key: string) => `{ "providers": { "p": { "url": "http://a", "api_key": "${key}" } } }`
    const [first, second] = ["sk-1", "sk-2"].map((key) => Result.getOrThrow(document.load(text(key), {})))
    assert.deepStrictEqual(document.changes(first!, second!), [
      { path: "/providers/p/api_key", before: redactionMarker, after: redactionMarker },
    ])
    assert.deepStrictEqual(document.changes(first!, Result.getOrThrow(document.load(text("sk-1"), {}))), [])
  })

  it("hides values of unknown keys, comments that hold a secret, and texts that do not parse", () => {
    const text = `{
  // "api_key": "sk-old"
  "providers": { "p": { "url": "http://a", /* was sk-1 */ "api_key": "sk-1" } }, // harmless
  "apikey": { "value": "sk-2" } // token 0123456789abcdef0123
}`
    const redacted = document.redact(text)
    for (const secret of ["sk-old", "sk-1", "sk-2", "0123456789abcdef"]) assert.notInclude(redacted, secret)
    assert.include(redacted, "// harmless")
    assert.strictEqual(Result.getOrThrow(document.restore(redacted, text)), text)
    assert.strictEqual(document.redact('{ "providers": { "p": "sk-1"'), marked)
    assert.strictEqual(
      document.redact('{ "providers": "sk-1", "models": "x" }'),
      `{ "providers": ${marked}, "models": "x" }`,
    )
    assert.strictEqual(document.redactRotated('{ "providers": ', "{}"), marked)
  })

  it("restores a secret only at its own path", () => {
    const current = '{ "providers": { "p": { "url": "http://a", "api_key": "sk-1" } } }'
    const moved = `{ "providers": { "q": { "url": "http://a", "api_key": ${marked} } } }`
    const result = document.restore(moved, current)
    assert.isTrue(Result.isFailure(result))
    if (Result.isFailure(result)) {
      assert.strictEqual(result.failure[0]!.path, "/providers/q/api_key")
      assert.strictEqual(result.failure[0]!.column, 55)
    }
  })

  it("restores the secrets of moved array elements, or refuses the text", () => {
    const current = JSON.stringify({
      plugins: [
        { name: "a", token: "pt-a" },
        { name: "b", token: "pt-b" },
      ],
    })
    const swapped = JSON.stringify({
      plugins: [
        { name: "b", token: redactionMarker },
        { name: "new", token: null },
        { name: "a", token: redactionMarker },
      ],
    })
    assert.deepStrictEqual(JSON.parse(Result.getOrThrow(document.restore(swapped, current))), {
      plugins: [
        { name: "b", token: "pt-b" },
        { name: "new", token: null },
        { name: "a", token: "pt-a" },
      ],
    })
    const renamed = JSON.stringify({ plugins: [{ name: "c", token: redactionMarker }] })
    assert.isTrue(Result.isFailure(document.restore(renamed, current)))
    const list = ConfigDocument.make({
      schema: Schema.Struct({ keys: Schema.Array(Schema.RedactedFromValue(Schema.String)) }),
    })
    const shorter = `{"keys":[${marked}]}`
    assert.isTrue(Result.isFailure(list.restore(shorter, '{"keys":["one","two"]}')))
    assert.strictEqual(
      Result.getOrThrow(list.restore(`{"keys":[${marked},"new"]}`, '{"keys":["one","two"]}')),
      '{"keys":["one","new"]}',
    )
  })

  it("removes rotated secrets from old texts", () => {
    const old =
      '{ "providers": { "p": { "url": "http://a", "api_key": "sk-1" }, "q": { "url": "http://b", "api_key": "sk-2" } } /* sk-1 */ }'
    const now = '{ "providers": { "q": { "url": "http://c", "api_key": "sk-2" } } }'
    assert.strictEqual(
      document.redactRotated(old, now),
      `{ "providers": { "p": { "url": "http://a", "api_key": ${marked} }, "q": { "url": "http://b", "api_key": "sk-2" } } /* ${redactionMarker} */ }`,
    )
  })

  it("hides a secret that a check of the schema quotes", () => {
    const talkative = Schema.String.check(Schema.makeFilter((text) => `${text} is too short`))
    const schema = Schema.Struct({
      key: Schema.RedactedFromValue(talkative),
      open: talkative,
      odd: Schema.Struct({ inner: Schema.String }).check(
        Schema.makeFilter(({ inner }) => `bad ${inner.slice(0, 3)}: ask support`),
      ),
    })
    const strict = ConfigDocument.make({ schema })
    const result = strict.load('{ "key": "sk-secret", "open": "plain-value", "odd": { "inner": "xyzzy" } }', {})
    assert.isTrue(Result.isFailure(result))
    hides(["sk-secret", "plain-value", "xyzzy"], Result.isFailure(result) ? result.failure : [])
  })
})
