/**
 * The document as text and as typed configuration: parse, migrate, layer, decode, diff, edit, redact. Pure functions; no disk, no events.
 * Unchanged subtrees keep their identity from one loaded document to the next, so `Object.is` tells what changed. No message ever holds a
 * value from the document.
 */
import { Result, type Schema } from "effect"
import type { Problem } from "./ConfigError.ts"
import { unknownKeys } from "./internal/ConfigDocument/Codec.ts"
import { makeEditor } from "./internal/ConfigDocument/Editor.ts"
import { jsonSchemaOf } from "./internal/ConfigDocument/JsonSchema.ts"
import { Loader } from "./internal/ConfigDocument/Loader.ts"
import { restartKey, Shapes, warningsKey } from "./internal/ConfigDocument/Shape.ts"
import { changesBetween, needsRestart, reveal, unwrap } from "./internal/Difference.ts"
import { absent, lookup } from "./internal/Json.ts"
import { redactRotated, redactText } from "./internal/Redact.ts"
import { pointer } from "./JsonPointer.ts"

/** JSON Pointer (RFC 6901) and the new value, or its removal. */
export type Edit = { readonly path: string; readonly value: unknown } | { readonly path: string; readonly remove: true }

/** One effective difference, secrets redacted. Absent is `undefined`. */
export interface Change {
  readonly path: string
  readonly before: unknown
  readonly after: unknown
}

/** The layers that a value can come from, the lowest first: `runtime` is an override of this process. */
export type Provenance = "default" | "document" | "environment" | "runtime"

/** Plain JSON in, plain JSON out: lifts a document by one version. */
export type Migration = (document: Schema.Json) => Schema.Json

/** What replaces a secret wherever a document is shown. A write that holds it keeps the secret that stands there. */
export const redactionMarker = "<redacted>"

/** What stands above the document. */
export interface Layers {
  /** Looks up one environment variable by its full name. One function has one answer to a name: a load over `previous` asks it only for what is new. */
  readonly environment?: (name: string) => string | undefined
  /** Values that stand above everything else. */
  readonly runtime?: ReadonlyArray<Edit>
}

/** One text, understood. Immutable. */
export interface Loaded<out C> {
  readonly text: string
  readonly config: C
  /** Unknown keys (with near names), keys that stand twice (in a long text that takes the place of another nobody looks), what `withWarnings` says: at most 256. */
  readonly warnings: ReadonlyArray<Problem>
  /** Some value of the document is hidden by a layer above. */
  readonly hidden: boolean
  /** Present if the text was of an older version: what to write at the next write. */
  readonly migrated?: { readonly from: number; readonly to: number; readonly text: string }
  /** The encoded configuration with defaults filled in, after all layers: what `diff` compares. */
  readonly effective: unknown
}

/** What is effectively different between two documents. */
export interface Difference {
  /** JSON Pointers of effective differences, at most 256. */
  readonly paths: ReadonlyArray<string>
  readonly truncated: boolean
  /** Those of `paths` whose schema says that they need a restart. */
  readonly restartRequired: ReadonlyArray<string>
}

/** What works and is worth a look. `path`: as the document spells it; `message`: without a secret. */
export interface Remark {
  readonly path: ReadonlyArray<string>
  readonly message: string
}

/** Compiled once for a schema. */
export interface ConfigDocument<C> {
  readonly version: number
  /** With `previous`, only what differs is decoded and all else is shared with it. */
  readonly load: (
    text: string,
    layers: Layers,
    previous?: Loaded<C>,
  ) => Result.Result<Loaded<C>, ReadonlyArray<Problem>>
  /** No paths: no effective change. Cheap where subtrees are shared. */
  readonly diff: (before: Loaded<C>, after: Loaded<C>) => Difference
  /** What is in force as plain JSON, the redaction marker in place of each secret. */
  readonly reveal: (loaded: Loaded<C>) => Schema.Json
  /** Redacted before and after values, for people; as many as `diff` has paths. */
  readonly changes: (before: Loaded<C>, after: Loaded<C>) => ReadonlyArray<Change>
  /** Applies edits to a text, keeping comments, order and formatting. A redaction marker within a value keeps the secret stored at that path. */
  readonly edit: (text: string, edits: ReadonlyArray<Edit>) => Result.Result<string, ReadonlyArray<Problem>>
  /** A whole new text in which redaction markers are replaced by the secrets that `current` has at those paths; refused where it has none. */
  readonly restore: (text: string, current: string) => Result.Result<string, ReadonlyArray<Problem>>
  /** What makes the effective values of one text those of another, without layers, at most 256; nothing where one of them is refused. */
  readonly editsBetween: (from: string, to: string) => ReadonlyArray<Edit>
  /** The text with every secret replaced by the marker; what cannot be parsed yields nothing but the marker. */
  readonly redact: (text: string) => string
  /** Blanks in `text` the secrets that `keep` does not hold (history), those of `before` under misspelt keys too. */
  readonly redactRotated: (text: string, keep: string, before?: string) => string
  readonly provenance: (loaded: Loaded<C>, layers: Layers, path: string) => Provenance
  /** The paths among these edits that a higher layer hides. */
  readonly shadowed: (edits: ReadonlyArray<Edit>, layers: Layers) => ReadonlyArray<string>
  /** The first text of a new place: the version and every default. */
  readonly seed: Result.Result<string, ReadonlyArray<Problem>>
}

/** What `ConfigDocument.make` takes. */
export interface Options<S extends Schema.Top> {
  readonly schema: S & { readonly DecodingServices: never; readonly EncodingServices: never }
  /** `migrations[0]` lifts version 1 to 2, and so on: the document's version is `migrations.length + 1`. */
  readonly migrations?: ReadonlyArray<Migration>
  /** `SIGNALBOX`: `/retention/events_days` can be set by `SIGNALBOX_RETENTION_EVENTS_DAYS`. Without it the environment is not asked. */
  readonly environmentPrefix?: string
  /** The first text of a new place, instead of the version and every default. */
  readonly seed?: string
}

/** Compiles a schema. A secret is a `Schema.Redacted…`; a key the schema does not know is kept and said. */
const make = <S extends Schema.Top>({
  environmentPrefix,
  migrations = [],
  schema,
  seed,
}: Options<S>): ConfigDocument<S["Type"]> => {
  const shapes = new Shapes(schema.ast)
  const loader = new Loader<S["Type"]>({ ast: schema.ast, shapes, migrations, prefix: environmentPrefix })
  return {
    version: loader.version,
    load: loader.load,
    diff: (before, after) => {
      const { paths, truncated } = loader.differences(before, after)
      const restart = paths.filter((tokens) => needsRestart(shapes, tokens))
      return { paths: paths.map(pointer), truncated, restartRequired: restart.map(pointer) }
    },
    reveal: (loaded) => {
      // JSON but for its secrets, which the marker replaces.
      const plain = reveal(loaded.effective, redactionMarker) as Schema.Json
      // A value whose encoding is lossy stands as it was written, with keys that nobody knows.
      if (unknownKeys(shapes, shapes.root, plain, []).length === 0) return plain
      return JSON.parse(redactText(shapes, JSON.stringify(plain), redactionMarker))
    },
    changes: (before, after) =>
      changesBetween(before.effective, after.effective, loader.differences(before, after).paths, redactionMarker),
    ...makeEditor(shapes, redactionMarker),
    editsBetween: (from, to) => {
      const [before, after] = [loader.load(from, {}), loader.load(to, {})]
      if (Result.isFailure(before) || Result.isFailure(after)) return []
      return loader.differences(before.success, after.success).paths.map((tokens) => {
        const value = lookup(after.success.effective, tokens)
        return value === absent
          ? { path: pointer(tokens), remove: true }
          : { path: pointer(tokens), value: unwrap(value) }
      })
    },
    redact: (text) => redactText(shapes, text, redactionMarker),
    redactRotated: (text, keep, before = keep) =>
      redactRotated(shapes, text, { keep, before, marker: redactionMarker, isCurrent: loader.isCurrent }),
    provenance: loader.provenance,
    shadowed: loader.shadowed,
    seed: seed === undefined ? loader.seed() : Result.map(loader.load(seed, {}), () => seed),
  }
}

/** Marks a schema: what changes at or below it takes effect only after a restart. */
const restartRequired = <S extends Schema.Top>(schema: S): S["Rebuild"] => schema.annotate({ [restartKey]: true })

/** Gives a whole document's schema an eye for what is allowed and yet looks wrong; each remark becomes a warning with its place. */
const withWarnings = <S extends Schema.Top>(
  schema: S,
  remarks: (config: S["Type"]) => ReadonlyArray<Remark>,
): S["Rebuild"] => schema.annotate({ [warningsKey]: remarks })

/** JSON Schema (draft 2020-12) of a document, with its defaults; secrets are strings. A declared ConfigStore is such a pair: `jsonSchema(AppConfig)`. */
const jsonSchema = (document: { readonly schema: Schema.Top; readonly version: number }): Schema.JsonObject =>
  jsonSchemaOf(document.schema, new Shapes(document.schema.ast), document.version)

/** The document as text, and annotations for its schema: what takes effect only after a restart, what deserves a warning. */
export const ConfigDocument = { make, restartRequired, withWarnings, jsonSchema } as const
