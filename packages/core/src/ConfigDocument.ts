/**
 * The configuration document as text and as typed configuration: parse, migrate, layer, decode, compare, edit, redact. Pure functions, without
 * disk or events. Unchanged subtrees keep their identity from one loaded document to the next, so `Object.is` shows what changed. No message
 * holds a value of the document.
 */
import { Result, type Schema } from "effect"
import type { Problem } from "./ConfigError.ts"
import { unknownKeys } from "./internal/ConfigDocument/Codec.ts"
import { changesAt, differences, reveal, unwrap } from "./internal/ConfigDocument/Difference.ts"
import { makeEdits } from "./internal/ConfigDocument/Edits.ts"
import { jsonSchemaOf } from "./internal/ConfigDocument/JsonSchema.ts"
import { Loader } from "./internal/ConfigDocument/Loader.ts"
import { makeReader, readText } from "./internal/ConfigDocument/Reader.ts"
import { redactRotated, redactText } from "./internal/ConfigDocument/Redact.ts"
import { restartKey, Shapes, warningsKey } from "./internal/ConfigDocument/Shape.ts"
import type { ConfigDocument, Loaded, Options, Remark } from "./internal/ConfigDocument/Types.ts"
import { absent, lookup } from "./internal/Json.ts"
import { redactionMarker } from "./internal/RedactionMarker.ts"
import { parsePointer, pointer } from "./JsonPointer.ts"

export type * from "./internal/ConfigDocument/Types.ts"
export { redactionMarker } from "./internal/RedactionMarker.ts"

/**
 * Compiles a schema into the operations on its documents.
 *
 * **Details**
 *
 * A secret is a `Schema.Redacted…`. Unknown keys are kept in the text and reported as warnings.
 *
 * **Example** (Loading, editing and comparing)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import * as ConfigDocument from "@signalbox/core/ConfigDocument"
 * import { Result, Schema } from "effect"
 *
 * const document = ConfigDocument.make({ schema: Schema.Struct({ port: Schema.Int }) })
 * const before = Result.getOrThrow(document.load('{ "port": 80 } // plain', {}))
 * const text = Result.getOrThrow(document.edit(before.text, [{ path: "/port", value: 443 }]))
 * const after = Result.getOrThrow(document.load(text, {}, before))
 *
 * deepStrictEqual(text, '{ "port": 443 } // plain')
 * deepStrictEqual(document.diff(before, after).paths, ["/port"])
 * ```
 */
export const make = <S extends Schema.Top>({
  environmentPrefix,
  migrations = [],
  schema,
  seed,
}: Options<S>): ConfigDocument<S["Type"]> => {
  const shapes = new Shapes(schema.ast)
  const readText = makeReader()
  const loader = new Loader<S["Type"]>({ ast: schema.ast, shapes, migrations, prefix: environmentPrefix, readText })
  const revealAll = (loaded: Loaded<S["Type"]>): Schema.Json => {
    // JSON but for its secrets, which the marker replaces.
    const plain = reveal(loaded.effective, redactionMarker) as Schema.Json
    // A value whose encoding is lossy is there as it was written, with its unknown keys.
    if (unknownKeys(shapes, shapes.root, plain).length === 0) return plain
    return JSON.parse(redactText(shapes, JSON.stringify(plain)))
  }
  const revealAt = (loaded: Loaded<S["Type"]>, path: string): Schema.Json | undefined => {
    const tokens = parsePointer(path)
    const value = tokens === undefined ? absent : lookup(loaded.effective, tokens)
    if (tokens === undefined || value === absent) return undefined
    const view = shapes.at(tokens)
    const plain = reveal(value, redactionMarker) as Schema.Json
    if (view.length > 0 && unknownKeys(shapes, view, plain).length === 0) return plain
    const found = lookup(revealAll(loaded), tokens)
    return found === absent ? undefined : (found as Schema.Json)
  }
  return {
    version: loader.version,
    load: loader.load,
    diff: (before, after) => {
      const { paths, truncated } = differences(before.effective, after.effective)
      const restart = paths.filter((tokens) => shapes.hasRestart(shapes.at(tokens)))
      return { paths: paths.map(pointer), truncated, restartRequired: restart.map(pointer) }
    },
    reveal: revealAll,
    revealAt,
    changes: (before, after) => {
      const { paths } = differences(before.effective, after.effective)
      return changesAt(paths, before.effective, after.effective, redactionMarker)
    },
    ...makeEdits(shapes, readText),
    editsBetween: (from, to) => {
      const [before, after] = [loader.load(from, {}), loader.load(to, {})]
      if (Result.isFailure(before) || Result.isFailure(after)) return []
      return differences(before.success.effective, after.success.effective).paths.map((tokens) => {
        const value = lookup(after.success.effective, tokens)
        return value === absent
          ? { path: pointer(tokens), remove: true }
          : { path: pointer(tokens), value: unwrap(value) }
      })
    },
    redact: (text) => redactText(shapes, text),
    redactRotated: (text, keep, before = keep) =>
      redactRotated(shapes, text, { keep, before, isCurrent: loader.isCurrent }),
    provenance: loader.provenance,
    shadowed: loader.shadowed,
    seed: seed === undefined ? loader.seed() : Result.map(loader.load(seed, {}), () => seed),
  }
}

/**
 * Marks a schema: a change at or below it takes effect only after a restart. `diff` reports such paths as `restartRequired`.
 *
 * **Example** (Marking a port)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import * as ConfigDocument from "@signalbox/core/ConfigDocument"
 * import { Result, Schema } from "effect"
 *
 * const document = ConfigDocument.make({ schema: Schema.Struct({ port: ConfigDocument.restartRequired(Schema.Int) }) })
 * const load = (text: string) => Result.getOrThrow(document.load(text, {}))
 *
 * deepStrictEqual(document.diff(load('{ "port": 80 }'), load('{ "port": 443 }')).restartRequired, ["/port"])
 * ```
 */
export const restartRequired = <S extends Schema.Top>(schema: S): S["Rebuild"] =>
  schema.annotate({ [restartKey]: true })

/**
 * Adds remarks on valid configurations to the schema of a whole document. Each remark becomes a warning with its line and column.
 *
 * **Example** (Warning about a port that needs privileges)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import * as ConfigDocument from "@signalbox/core/ConfigDocument"
 * import { Result, Schema } from "effect"
 *
 * const schema = ConfigDocument.withWarnings(Schema.Struct({ port: Schema.Int }), ({ port }) =>
 *   port < 1024 ? [{ path: ["port"], message: "needs privileges on most systems" }] : [],
 * )
 * const { warnings } = Result.getOrThrow(ConfigDocument.make({ schema }).load('{ "port": 80 }', {}))
 *
 * deepStrictEqual(warnings.map(({ column, path }) => [path, column]), [["/port", 11]])
 * ```
 */
export const withWarnings = <S extends Schema.Top>(
  schema: S,
  remarks: (config: S["Type"]) => ReadonlyArray<Remark>,
): S["Rebuild"] => schema.annotate({ [warningsKey]: remarks })

/**
 * Describes a document as JSON Schema (draft 2020-12), with its defaults; secrets are strings. Takes a declared ConfigStore too:
 * `jsonSchema(AppConfig)`.
 *
 * **Example** (Describing a document for editors)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import * as ConfigDocument from "@signalbox/core/ConfigDocument"
 * import { Schema } from "effect"
 *
 * const { properties } = ConfigDocument.jsonSchema({ schema: Schema.Struct({ port: Schema.Int }), version: 1 })
 *
 * deepStrictEqual(Object.keys(Object(properties)), ["version", "port"])
 * ```
 */
export const jsonSchema = (document: { readonly schema: Schema.Top; readonly version: number }): Schema.JsonObject =>
  jsonSchemaOf(document.schema, new Shapes(document.schema.ast), document.version)

/**
 * Reads a text (JSON with comments and trailing commas) as frozen plain JSON, without a schema.
 *
 * **Example** (Reading a text with a comment)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import * as ConfigDocument from "@signalbox/core/ConfigDocument"
 * import { Result } from "effect"
 *
 * deepStrictEqual(ConfigDocument.parse('{ "port": 80, } // plain'), Result.succeed({ port: 80 }))
 * ```
 */
export const parse = (text: string): Result.Result<Schema.JsonObject, ReadonlyArray<Problem>> =>
  Result.map(readText(text), (value) => value as Schema.JsonObject)
