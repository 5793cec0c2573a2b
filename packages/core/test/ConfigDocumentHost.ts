/** A schema of the kind that hosts have, and documents and mutations for it. */
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import { Effect, Schema } from "effect"
import * as fc from "fast-check"
import { findFaults } from "../src/internal/Json.ts"

const withDefault = <S extends Schema.Top>(schema: S, value: S["Encoded"]) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)))

export const Alias = Schema.Struct({
  upstream: Schema.String,
  enabled: withDefault(Schema.Boolean, true),
  allowedKeys: withDefault(Schema.Array(Schema.String), ["*"]),
}).pipe(Schema.encodeKeys({ allowedKeys: "allowed_keys" }))

export const Provider = Schema.Struct({
  url: Schema.String.check(Schema.isPattern(/^https?:/)),
  apiKey: Schema.optionalKey(Schema.RedactedFromValue(Schema.String)),
  headers: withDefault(Schema.Record(Schema.String, Schema.RedactedFromValue(Schema.String)), {}),
}).pipe(Schema.encodeKeys({ apiKey: "api_key" }))

export const schema = Schema.Struct({
  models: withDefault(Schema.Record(Schema.String, Alias), {}),
  providers: withDefault(Schema.Record(Schema.String, Provider), {}),
  defaultAlias: Schema.optionalKey(Schema.String),
  retention: withDefault(
    Schema.Struct({
      eventsDays: withDefault(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3650 })), 30),
      drain: withDefault(Schema.DurationFromString, "2 hours"),
    }).pipe(Schema.encodeKeys({ eventsDays: "events_days" })),
    {},
  ),
  server: withDefault(
    Schema.Struct({
      port: ConfigDocument.restartRequired(withDefault(Schema.Int, 8080)),
      mode: withDefault(Schema.Literals(["plain", "tls"]), "plain"),
    }),
    {},
  ),
  plugins: withDefault(
    Schema.Array(Schema.Struct({ name: Schema.String, token: Schema.NullOr(Schema.RedactedFromValue(Schema.String)) })),
    [],
  ),
}).pipe(Schema.encodeKeys({ defaultAlias: "default_alias" }))

export const document = ConfigDocument.make({ schema, environmentPrefix: "SIGNALBOX" })

/** Not to be found in any schema, key or message. */
const token = (kind: string) => fc.integer({ min: 100_000, max: 999_999 }).map((number) => `${kind}Zq${number}`)
const key = fc.constantFrom("fast", "slow", "gpt-4.1", "a/b", "m~n", "10", "2", "größe", "x y")

const optional = <A>(arbitrary: fc.Arbitrary<A>) => fc.option(arbitrary, { nil: undefined, freq: 3 })

const anAlias = fc.record(
  { upstream: token("up"), enabled: fc.boolean(), allowed_keys: fc.array(token("team"), { maxLength: 3 }) },
  { requiredKeys: ["upstream"] },
)

const aProvider = fc.record(
  {
    url: token("host").map((name) => `https://${name}/v1`),
    api_key: token("sk-"),
    headers: fc.dictionary(key, token("hd-"), { maxKeys: 2 }),
  },
  { requiredKeys: ["url"] },
)

/** JSON that a document may hold: without the key `__proto__`, which the reader refuses. */
export const aJsonValue = fc.jsonValue({ maxDepth: 2 }).filter((value) => findFaults(value, 1).length === 0)

/** Good documents, most of them with keys left out. */
export const aDocument = fc.record(
  {
    version: fc.constant(1),
    models: fc.dictionary(key, anAlias, { maxKeys: 6 }),
    providers: fc.dictionary(key, aProvider, { maxKeys: 4 }),
    default_alias: token("alias"),
    retention: fc.record(
      { events_days: fc.integer({ min: 0, max: 3650 }), drain: fc.constantFrom("2 hours", "120 minutes", "5 seconds") },
      { requiredKeys: [] },
    ),
    server: fc.record(
      { port: fc.integer({ min: 1, max: 65535 }), mode: fc.constantFrom("plain", "tls") },
      { requiredKeys: [] },
    ),
    plugins: fc.array(fc.record({ name: token("plugin"), token: optional(token("pt-")).map((text) => text ?? null) }), {
      maxLength: 3,
    }),
  },
  { requiredKeys: [] },
)

/** A way to format a document: indentation, line breaks, comments, trailing commas. */
export interface Hand {
  readonly indent: string
  readonly eol: string
  readonly comments: ReadonlyArray<boolean>
  readonly trailing: boolean
  readonly mark: boolean
}

export const aHand: fc.Arbitrary<Hand> = fc.record({
  indent: fc.constantFrom("", "  ", "    ", "\t"),
  eol: fc.constantFrom("\n", "\r\n"),
  comments: fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
  trailing: fc.boolean(),
  mark: fc.boolean(),
})

export const plainHand: Hand = { indent: "  ", eol: "\n", comments: [false], trailing: false, mark: false }

export const write = (value: unknown, hand: Hand): string => {
  let count = 0
  const comment = (): string => {
    const index = count++
    if (!hand.comments[index % hand.comments.length]) return ""
    return hand.indent === "" || index % 2 === 0 ? ` /* note ${index} */` : ` // note ${index}`
  }
  const eol = hand.indent === "" ? "" : hand.eol
  const lay = (inner: unknown, margin: string): string => {
    if (typeof inner !== "object" || inner === null) return JSON.stringify(inner)
    const [open, close] = Array.isArray(inner) ? ["[", "]"] : ["{", "}"]
    const deeper = margin + hand.indent
    const items = Object.entries(inner).map(([name, element]) =>
      Array.isArray(inner) ? lay(element, deeper) : `${JSON.stringify(name)}: ${lay(element, deeper)}`,
    )
    if (items.length === 0) return open! + close!
    const lines = items.map((item, index) => {
      const last = index === items.length - 1
      return `${eol}${hand.indent === "" ? "" : deeper}${item}${last && !hand.trailing ? "" : ","}${comment()}`
    })
    return `${open}${lines.join("")}${eol}${hand.indent === "" ? "" : margin}${close}`
  }
  return (hand.mark ? "\uFEFF" : "") + lay(value, "")
}

/** Every string value of a document. */
export const textsOf = (value: unknown): ReadonlyArray<string> => {
  if (typeof value === "string") return [value]
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsOf) : []
}

/** The scalar values of a text, with their offsets. */
export const scalarsIn = (text: string): ReadonlyArray<RegExpExecArray> =>
  [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|-?\b\d+(?:\.\d+)?\b|\b(?:true|false|null)\b/g)].filter(
    (match) => match[1] === undefined,
  )
