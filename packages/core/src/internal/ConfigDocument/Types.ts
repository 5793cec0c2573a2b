/** The public types of the document engine. */
import type { Result, Schema } from "effect"
import type { Problem } from "../../ConfigError.ts"

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
  /** Whether a variable may exist whose name starts with this prefix. Without it each name is looked up. Belongs to one `environment`. */
  readonly mayHaveVariables?: (prefix: string) => boolean
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
  /** Redacted before and after values, one for each path of `diff`; `difference` is its result where it is known. */
  readonly changes: (before: Loaded<C>, after: Loaded<C>, difference?: Difference) => ReadonlyArray<Change>
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
