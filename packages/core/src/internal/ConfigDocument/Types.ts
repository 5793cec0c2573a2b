/** The public types of the document engine. */
import type { Result, Schema } from "effect"
import type { Problem } from "../../ConfigError.ts"

/** Sets the value at a JSON Pointer (RFC 6901), or removes it. */
export type Edit = { readonly path: string; readonly value: unknown } | { readonly path: string; readonly remove: true }

/** One effective difference with its secrets redacted. `undefined` stands for an absent value. */
export interface Change {
  readonly path: string
  readonly before: unknown
  readonly after: unknown
}

/** The layers that a value can come from, the lowest first: `runtime` is an override of this process. */
export type Provenance = "default" | "document" | "environment" | "runtime"

/** Migrates a document, as plain JSON, to the next version. */
export type Migration = (document: Schema.Json) => Schema.Json

/** The layers above the document. */
export interface Layers {
  /** Looks up one environment variable by its full name. */
  readonly environment?: (name: string) => string | undefined
  /** Whether a variable may exist whose name starts with this prefix. Without it each name is looked up. */
  readonly mayHaveVariables?: (prefix: string) => boolean
  /** Values above all other layers. */
  readonly runtime?: ReadonlyArray<Edit>
}

/** A text and the configuration that it means. Immutable. */
export interface Loaded<out C> {
  readonly text: string
  readonly config: C
  /** Unknown keys (with near names), repeated keys, and the remarks of `withWarnings`; at most 256. A text of more than 256 Ki characters is not searched for repeated keys when it is loaded over `previous`. */
  readonly warnings: ReadonlyArray<Problem>
  /** Whether the configuration does not show each change of the document: a layer above hides a value, or an unknown key has a secret. */
  readonly hidden: boolean
  /** Present if the text has an older version: the text for the next write. */
  readonly migrated?: { readonly from: number; readonly to: number; readonly text: string }
  /** The encoded configuration after all layers, with defaults filled in. `diff` compares these. */
  readonly effective: unknown
}

/** The effective differences between two documents. */
export interface Difference {
  /** JSON Pointers of effective differences, at most 256. */
  readonly paths: ReadonlyArray<string>
  readonly truncated: boolean
  /** Those of `paths` that take effect only after a restart. */
  readonly restartRequired: ReadonlyArray<string>
}

/** A valid value that is probably a mistake. `path` is as the document spells it; `message` must not hold a secret. */
export interface Remark {
  readonly path: ReadonlyArray<string>
  readonly message: string
}

/** The operations on the documents of one schema. All of them are pure. */
export interface ConfigDocument<C> {
  readonly version: number
  /** Reads, migrates, layers and decodes a text. With `previous`, only differing members are decoded, and all others are shared with it. */
  readonly load: (
    text: string,
    layers: Layers,
    previous?: Loaded<C>,
  ) => Result.Result<Loaded<C>, ReadonlyArray<Problem>>
  /** Compares two configurations. Without paths there is no effective change. The cost follows the difference. */
  readonly diff: (before: Loaded<C>, after: Loaded<C>) => Difference
  /** The effective configuration as plain JSON, with the redaction marker in place of each secret. */
  readonly reveal: (loaded: Loaded<C>) => Schema.Json
  /** The value at a path of `reveal`, or `undefined`. The cost follows that value. */
  readonly revealAt: (loaded: Loaded<C>, path: string) => Schema.Json | undefined
  /** Redacted values before and after, for each path of `diff`. */
  readonly changes: (before: Loaded<C>, after: Loaded<C>) => ReadonlyArray<Change>
  /** Applies edits to a text and keeps comments, order and formatting. A redaction marker in a value keeps the secret stored at that path. */
  readonly edit: (text: string, edits: ReadonlyArray<Edit>) => Result.Result<string, ReadonlyArray<Problem>>
  /** Replaces each redaction marker of a whole new text by the secret that `current` has at that path. Fails where it has none. */
  readonly restore: (text: string, current: string) => Result.Result<string, ReadonlyArray<Problem>>
  /** Edits that turn the effective values of one text into those of another, without layers; at most 256. Empty if one of the texts is refused. */
  readonly editsBetween: (from: string, to: string) => ReadonlyArray<Edit>
  /** Replaces every secret of a text by the marker. A text that does not parse becomes the marker alone. */
  readonly redact: (text: string) => string
  /** Replaces the secrets of an old text that `keep` does not hold, also those of `before` under misspelt keys. */
  readonly redactRotated: (text: string, keep: string, before?: string) => string
  /** The layer that decides the value at a path. */
  readonly provenance: (loaded: Loaded<C>, layers: Layers, path: string) => Provenance
  /** The paths of those edits that a higher layer hides. */
  readonly shadowed: (edits: ReadonlyArray<Edit>, layers: Layers) => ReadonlyArray<string>
  /** The first text of a new document: the version and every default, or the given seed. */
  readonly seed: Result.Result<string, ReadonlyArray<Problem>>
}

/** The options of `ConfigDocument.make`. */
export interface Options<S extends Schema.Top> {
  readonly schema: S & { readonly DecodingServices: never; readonly EncodingServices: never }
  /** `migrations[0]` migrates version 1 to 2, and so on. The current version is `migrations.length + 1`. */
  readonly migrations?: ReadonlyArray<Migration>
  /** With `SIGNALBOX`, the variable `SIGNALBOX_RETENTION_EVENTS_DAYS` sets `/retention/events_days`. Without a prefix the environment is not read. */
  readonly environmentPrefix?: string
  /** The first text of a new document, instead of the version and every default. */
  readonly seed?: string
}
