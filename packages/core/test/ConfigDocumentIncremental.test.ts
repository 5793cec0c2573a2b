/** A load over a previous document returns the same as a load without one, for generated schemas, documents and edits. */
import { assert, describe, it } from "@effect/vitest"
import type { Layers, Loaded } from "@signalbox/core/ConfigDocument"
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import { Effect, Equal, Result, Schema, SchemaParser, SchemaTransformation } from "effect"
import * as fc from "fast-check"
import { parse } from "../src/internal/ConfigDocument/Text.ts"
import { absent, lookup } from "../src/internal/Json.ts"
import { sameValue } from "../src/internal/StructuralSharing.ts"
import { aDocument, aHand, aJsonValue, document, schema as hostSchema, scalarsIn, write } from "./ConfigDocumentHost.ts"

type AnySchema = Schema.Top & { readonly DecodingServices: never; readonly EncodingServices: never }

const agree = <C>(
  schema: AnySchema,
  document: ConfigDocument.ConfigDocument<C>,
  text: string,
  previous: Loaded<C> | undefined,
  layers: Layers = {},
): Loaded<C> | undefined => {
  const incremental = document.load(text, layers, previous)
  const fresh = document.load(text, layers)
  assert.strictEqual(incremental._tag, fresh._tag)
  const parsed = parse(text)
  // The schema does not decide about the version.
  const current =
    layers.runtime === undefined &&
    layers.environment === undefined &&
    Result.isSuccess(parsed) &&
    [absent, 1].includes(lookup(parsed.success, ["version"]) as never)
  const decoded = current ? SchemaParser.decodeUnknownResult(schema)(parsed.success) : undefined
  // Neither does it refuse a misspelt section, which it does not know.
  const misspelt =
    Result.isFailure(fresh) && fresh.failure.every(({ message }) => message.startsWith("unknown section"))
  if (decoded !== undefined && !misspelt) assert.strictEqual(decoded._tag, fresh._tag, "Schema alone decides the same")
  if (Result.isFailure(fresh)) {
    assert.deepStrictEqual(Result.isFailure(incremental) ? incremental.failure : [], fresh.failure)
    return undefined
  }
  const loaded = Result.getOrThrow(incremental)
  assert.isTrue(sameValue(loaded.config, fresh.success.config), "same configuration")
  if (decoded !== undefined && Result.isSuccess(decoded)) {
    assert.isTrue(Equal.equals(decoded.success, loaded.config), "what Schema alone decodes")
  }
  assert.isTrue(sameValue(loaded.effective, fresh.success.effective), "same effective configuration")
  assert.deepStrictEqual(loaded.warnings, fresh.success.warnings)
  if (previous !== undefined) {
    assert.deepStrictEqual(document.diff(previous, loaded), document.diff(previous, fresh.success))
    sharedWhereSame(previous.config, loaded.config)
  }
  return loaded
}

/** Equal parts must be the same object. */
const sharedWhereSame = (before: unknown, after: unknown): void => {
  if (sameValue(before, after)) {
    assert.isTrue(Object.is(before, after), "an equal part keeps its identity")
    return
  }
  if (typeof before !== "object" || typeof after !== "object" || before === null || after === null) return
  for (const key of Object.keys(after)) {
    if (Object.hasOwn(before, key)) sharedWhereSame(Reflect.get(before, key), Reflect.get(after, key))
  }
}

interface Kind {
  readonly schema: AnySchema
  readonly value: fc.Arbitrary<unknown>
}

const scalars: ReadonlyArray<Kind> = [
  { schema: Schema.String, value: fc.string({ maxLength: 4 }) },
  { schema: Schema.Int, value: fc.constantFrom(0, -0, 1, 2, 2.5) },
  { schema: Schema.DurationFromString, value: fc.constantFrom("1 hour", "60 minutes", "2 hours", "nonsense") },
  { schema: Schema.RedactedFromValue(Schema.String), value: fc.constantFrom("s1", "s2") },
  { schema: Schema.Literals(["a", "b"]), value: fc.constantFrom("a", "b", "c") },
  { schema: Schema.Union([Schema.String, Schema.Boolean]), value: fc.oneof(fc.string({ maxLength: 2 }), fc.boolean()) },
  { schema: Schema.Unknown, value: aJsonValue },
  { schema: Schema.NullOr(Schema.Finite), value: fc.constantFrom(null, 1, 1e21) },
  { schema: Schema.Trim, value: fc.constantFrom(" a ", "a", "a ") },
]

class Point extends Schema.Class<Point>("Point")({
  x: Schema.Int,
  y: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(0))),
}) {}

const pairs = (kind: Kind): fc.Arbitrary<unknown> => fc.array(kind.value, { maxLength: 3 })

const lossless = { encodingStrategy: "passthrough" } as const
const lossy = { encodingStrategy: "omit" } as const

/** A schema and documents that mostly fit it. */
const kinds: fc.Memo<Kind> = fc.memo((depth) => {
  const leaf = fc.constantFrom<Kind>(...scalars, {
    schema: Point,
    value: fc.record({ x: fc.integer(), y: fc.integer() }, { requiredKeys: ["x"] }),
  })
  if (depth <= 1) return leaf
  const inner = kinds(depth - 1)
  const key = fc.constantFrom("a", "b", "c", "3", "1", "x/y")
  return fc.oneof(
    leaf,
    inner.map((kind): Kind => ({ schema: Schema.Array(kind.schema), value: pairs(kind) })),
    inner.map(
      (kind): Kind => ({
        schema: Schema.Record(Schema.String, kind.schema),
        value: fc.dictionary(key, kind.value, { maxKeys: 4 }),
      }),
    ),
    struct(inner),
    struct(inner),
  )
})

const struct = (inner: fc.Arbitrary<Kind>): fc.Arbitrary<Kind> =>
  fc
    .record({
      fields: fc.array(fc.tuple(inner, fc.constantFrom("required", "optional", "default", "omitted")), {
        maxLength: 4,
      }),
      renames: fc.boolean(),
      checked: fc.boolean(),
    })
    .chain(({ checked, fields, renames }) =>
      fc.tuple(...fields.map(([kind]) => kind.value)).map((samples): Kind => {
        const shape: Record<string, AnySchema> = {}
        const values: Record<string, fc.Arbitrary<unknown>> = { stray: fc.integer() }
        const mapping: Record<string, string> = {}
        const required: Array<string> = []
        for (const [index, [kind, mode]] of fields.entries()) {
          const name = `f${index}`
          const key = renames && index % 2 === 0 ? `key_${index}` : name
          if (key !== name) mapping[name] = key
          values[key] = kind.value
          if (mode === "required") required.push(key)
          const given = Effect.succeed(samples[index])
          shape[name] =
            mode === "required"
              ? kind.schema
              : mode === "optional"
                ? Schema.optionalKey(kind.schema)
                : kind.schema.pipe(Schema.withDecodingDefaultKey(given, mode === "default" ? lossless : lossy))
        }
        const plain = checked
          ? Schema.Struct(shape).check(
              Schema.makeFilter((value) => (Object.keys(value).length > 4 ? "too many keys" : undefined)),
            )
          : Schema.Struct(shape)
        // a check hides the fields that `encodeKeys` needs
        const named = renames && !checked ? Schema.Struct(shape).pipe(Schema.encodeKeys(mapping)) : plain
        return { schema: named, value: fc.record(values, { requiredKeys: required }) }
      }),
    )

const aCase = kinds(4).chain(({ schema, value }) =>
  fc.record({
    schema: fc.constant(Schema.Struct({ top: schema, rest: Schema.Record(Schema.String, schema) })),
    documents: fc.array(
      fc.record({ top: value, rest: fc.dictionary(fc.constantFrom("k", "l", "7"), value, { maxKeys: 3 }) }),
      { minLength: 2, maxLength: 5 },
    ),
    hands: fc.array(aHand, { minLength: 1, maxLength: 2 }),
  }),
)

describe("ConfigDocument.load over a previous document", () => {
  it("returns the same as without one, for generated schemas", () => {
    let loadedCount = 0
    fc.assert(
      fc.property(aCase, ({ documents, hands, schema }) => {
        const document = ConfigDocument.make({ schema })
        let previous: Loaded<typeof schema.Type> | undefined
        for (const [index, value] of documents.entries()) {
          const loaded = agree(schema, document, write(value, hands[index % hands.length]!), previous)
          previous = loaded ?? previous
          if (loaded !== undefined) loadedCount++
        }
      }),
      { numRuns: 600 },
    )
    assert.isAbove(loadedCount, 300)
  })

  it("returns the same as without one, for 4,000 edited texts", () => {
    let accepted = 0
    const edit = fc.record({
      at: fc.double({ min: 0, max: 0.999, noNaN: true }),
      scalar: fc.boolean(),
      remove: fc.nat(6),
      insert: fc.constantFrom("", "1", '"', "}", "{", ",", " ", "\n", "// x\n", "/*", "true", '"a":1,', "\\", "0", "e"),
      value: fc.constantFrom('"https://other"', "7", "true", '""', "null", '"tls"', "[]", '"a\\"b"', " 12 ", "1e2"),
    })
    fc.assert(
      fc.property(aDocument, aHand, fc.array(edit, { minLength: 10, maxLength: 10 }), (value, hand, edits) => {
        const padded = write(value, hand).replace('"models": {', (match) => `${match}${" ".repeat(3000)}`)
        let previous = agree(hostSchema, document, padded, undefined)!
        for (const { at, insert, remove, scalar, value } of edits) {
          const places = scalarsIn(previous.text)
          const place = scalar ? places[Math.floor(at * places.length)] : undefined
          const from = place?.index ?? Math.floor(at * previous.text.length)
          const to = from + (place?.[0].length ?? remove)
          const text = previous.text.slice(0, from) + (place === undefined ? insert : value) + previous.text.slice(to)
          const loaded = agree(hostSchema, document, text, previous)
          if (loaded === undefined) continue
          accepted++
          previous = loaded
        }
      }),
      { numRuns: 400 },
    )
    assert.isAbove(accepted, 400)
  })

  it("returns the same as without one, when members of a large record are added, removed, moved and changed", () => {
    const schema = Schema.Struct({
      many: Schema.Record(
        Schema.String,
        Schema.Struct({
          n: Schema.Finite,
          list: Schema.Array(Schema.Unknown).pipe(Schema.withDecodingDefaultKey(Effect.succeed([0]))),
        }),
      ).pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
      nested: Schema.Record(Schema.String, Schema.Record(Schema.String, Schema.Finite)),
    })
    const many = ConfigDocument.make({ schema })
    const base = Object.fromEntries(Array.from({ length: 90 }, (_, index) => [`key${index}`, { n: index }]))
    const step = fc.record({
      key: fc.constantFrom("key0", "key44", "key89", "new", "7"),
      value: fc.oneof(
        fc.constant(undefined),
        fc.record({
          n: fc.constantFrom("0", "-0", "1e3", "1e999", '"x"'),
          list: fc.constantFrom("[0]", "[-0]", "[]", '[{"a":1,"b":2}]', '[{"b":2,"a":1}]'),
        }),
      ),
      first: fc.boolean(),
      nested: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { minLength: 2, maxLength: 6 }), (steps) => {
        const members = new Map(Object.entries(base).map(([key, { n }]) => [key, `{"n":${n}}`]))
        const render = (inner: Iterable<readonly [string, string]>): string =>
          `{${[...inner].map(([key, text]) => `"${key}":${text}`).join(",\n")}}`
        const write = (): string =>
          `{"many":${render(members)},"nested":{"a":${render([...members].map(([key], index) => [key, `${index}`] as const))},"b":{}}}`
        let previous = agree(schema, many, write(), undefined)
        for (const { first, key, nested, value } of steps) {
          if (first || value === undefined) members.delete(key)
          if (value !== undefined)
            members.set(key, nested ? `{"n":${value.n}}` : `{"list":${value.list},"n":${value.n}}`)
          previous = agree(schema, many, write(), previous) ?? previous
        }
      }),
      { numRuns: 150 },
    )
  })

  it("returns the same as without one, while the layers above change too", () => {
    const anEnvironment = fc.record(
      {
        SIGNALBOX_MODELS_FAST_UPSTREAM: fc.constantFrom("x", "y"),
        SIGNALBOX_MODELS_GPT_4_1: fc.constantFrom('{"upstream":"z"}', "{}", "broken"),
        SIGNALBOX_MODELS_10_ENABLED: fc.constant("false"),
        SIGNALBOX_PROVIDERS_SLOW_API_KEY: fc.constant("sk-outside"),
        SIGNALBOX_RETENTION_EVENTS_DAYS: fc.constantFrom("1", "2"),
        SIGNALBOX_PLUGINS: fc.constant('[{"name":"p","token":null}]'),
      },
      { requiredKeys: [] },
    )
    const aStep = fc.record({
      document: aDocument,
      environment: fc.option(fc.nat(2)),
      runtime: fc.subarray([
        { path: "/server/port", value: 1 },
        { path: "/models/fast", value: { upstream: "r" } },
        { path: "/models/slow", remove: true as const },
        { path: "/server", value: {} },
      ]),
    })
    fc.assert(
      fc.property(
        fc.array(anEnvironment, { minLength: 3, maxLength: 3 }),
        aHand,
        fc.array(aStep, { maxLength: 6 }),
        (given, hand, steps) => {
          const environments = given.map(
            (variables) => (name: string) => Object.entries(variables).find(([key]) => key === name)?.[1],
          )
          let previous: Parameters<typeof document.diff>[0] | undefined
          for (const { document: value, environment, runtime } of steps) {
            const layers: Layers = {
              ...(environment === null ? {} : { environment: environments[environment]! }),
              ...(runtime.length === 0 ? {} : { runtime }),
            }
            previous = agree(hostSchema, document, write(value, hand), previous, layers) ?? previous
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it("returns the same as without one, when a key occurs twice", () => {
    const filler = " ".repeat(4000)
    const twice = `{ "models": {${filler} "a": { "upstream": "1" }, "a": { "upstream": "2" } }, "server": {${filler} "port": 1, "port": 2 } }`
    const before = agree(hostSchema, document, twice, undefined)
    assert.strictEqual(before?.config.models["a"]?.upstream, "2")
    for (const [from, to] of [
      ['"1"', '"3"'],
      ['"2"', '"4"'],
      ['"port": 1', '"port": 7'],
      ['"port": 2', '"port": 8'],
    ] as const) {
      assert.isDefined(agree(hostSchema, document, twice.replace(from, to), before))
    }
  })

  it("returns the same as without one, when numeric keys precede others in an object but not in the text", () => {
    const schema = Schema.Struct({
      top: Schema.Record(Schema.String, Schema.Struct({ known: Schema.optionalKey(Schema.Int) })),
    })
    const keyed = ConfigDocument.make({ schema })
    const before = agree(schema, keyed, '{ "top": { "b": { "odd": 1 } } }', undefined)
    const after = agree(schema, keyed, '{ "top": { "b": { "odd": 1 }, "1": { "odd": 1 } } }', before)
    assert.deepStrictEqual(
      after?.warnings.map(({ path }) => path),
      ["/top/b/odd", "/top/1/odd"],
    )
  })

  it("returns the same as without one, when a transformation treats one value specially", () => {
    const plain = Schema.Record(Schema.String, Schema.Int)
    const emptied = plain.pipe(
      Schema.decodeTo(
        plain,
        SchemaTransformation.transform({
          // hands on what it gets, except sometimes
          decode: (value): typeof plain.Type => (value["a"] === 13 ? {} : value),
          encode: (value) => value,
        }),
      ),
    )
    const schema = Schema.Struct({ odd: emptied, filler: Schema.String })
    const tricky = ConfigDocument.make({ schema })
    const text = (a: number) => `{ "odd": {${" ".repeat(4000)} "a": ${a}, "b": 2 }, "filler": "" }`
    let previous: Loaded<typeof schema.Type> | undefined
    for (const a of [1, 13, 2, 13, 13, 3]) {
      previous = agree(schema, tricky, text(a), previous)
      assert.deepStrictEqual(previous?.config.odd, a === 13 ? {} : { a, b: 2 })
    }
  })

  it("keeps the identity of unchanged subtrees", () => {
    const text = write(
      { models: { a: { upstream: "1" }, b: { upstream: "2" } }, plugins: [] },
      { indent: "  ", eol: "\n", comments: [true], trailing: true, mark: false },
    )
    const before = Result.getOrThrow(document.load(text, {}))
    const after = Result.getOrThrow(document.load(text.replace('"2"', '"3"'), {}, before))
    assert.strictEqual(after.config.models["a"], before.config.models["a"])
    assert.strictEqual(after.config.plugins, before.config.plugins)
    assert.strictEqual(after.config.retention, before.config.retention)
    assert.notStrictEqual(after.config.models["b"], before.config.models["b"])
    assert.deepStrictEqual(document.diff(before, after).paths, ["/models/b/upstream"])
  })

  it("finds no change in comments, explicit defaults, and other spellings of the same value", () => {
    const before = Result.getOrThrow(
      document.load(`{ "models": { "a": { "upstream": "x" } }, "retention": { "drain": "2 hours" } }`, {}),
    )
    const text = `{ // note
      "models": { "a": { "enabled": true, "upstream": "x", "allowed_keys": ["*"] } },
      "retention": { "drain": "120 minutes", "events_days": 30 }, "server": {} }`
    const after = Result.getOrThrow(document.load(text, {}, before))
    assert.strictEqual(after.config, before.config)
    assert.deepStrictEqual(document.diff(before, after), { paths: [], truncated: false, restartRequired: [] })
  })

  it("freezes the configuration", () => {
    const { config } = Result.getOrThrow(
      document.load(`{ "models": { "a": { "upstream": "x" } }, "plugins": [{ "name": "p", "token": null }] }`, {}),
    )
    for (const part of [
      config,
      config.models,
      config.models["a"],
      config.plugins,
      config.plugins[0],
      config.retention,
    ]) {
      assert.isTrue(Object.isFrozen(part))
    }
  })
})
