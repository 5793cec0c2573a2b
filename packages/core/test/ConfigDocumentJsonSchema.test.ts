import { assert, it } from "@effect/vitest"
import { ConfigDocument } from "@signalbox/core"
import { Effect, Schema } from "effect"

const Member = Schema.Struct({
  apiKey: Schema.optionalKey(Schema.RedactedFromValue(Schema.NonEmptyString)),
  maxTries: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(3))),
}).pipe(Schema.encodeKeys({ apiKey: "api_key", maxTries: "max_tries" }))

const Recursive: Schema.Codec<any> = Schema.Struct({
  size: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(1))),
  inner: Schema.optionalKey(Schema.suspend(() => Recursive)),
}).annotate({ identifier: "Box" })

const schema = ConfigDocument.jsonSchema({
  version: 2,
  schema: Schema.Struct({
    name: Schema.String,
    wait: Schema.DurationFromString.pipe(Schema.withDecodingDefaultKey(Effect.succeed("2 hours"))),
    members: Schema.Record(Schema.String, Member).pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
    box: Schema.optionalKey(Recursive),
  }),
}) as any

it("describes renamed keys, secrets as strings, and optional keys with defaults", () => {
  assert.strictEqual(schema.$schema, "https://json-schema.org/draft/2020-12/schema")
  assert.deepStrictEqual(schema.required, ["name"])
  const member = schema.properties.members.additionalProperties
  assert.deepStrictEqual(member.properties.api_key, { type: "string", minLength: 1 })
  assert.isUndefined(member.required)
})

it("lists the version and each default as the schema declares it, also within records", () => {
  assert.strictEqual(schema.properties.version.const, 2)
  assert.strictEqual(schema.properties.wait.default, "2 hours")
  assert.deepStrictEqual(schema.properties.members.default, {})
  assert.strictEqual(schema.properties.members.additionalProperties.properties.max_tries.default, 3)
})

it("describes a schema that contains itself once, defaults included", () => {
  const reference: string = schema.properties.box.$ref
  const [, name] = /^#\/\$defs\/(.+)$/.exec(reference) ?? []
  assert.strictEqual(schema.$defs[name!].properties.size.default, 1)
  assert.strictEqual(schema.$defs[name!].properties.inner.$ref, reference)
})

it("does not allow null", () => {
  assert.notInclude(JSON.stringify(schema), `"null"`)
})
