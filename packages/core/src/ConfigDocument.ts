/**
 * The document as text and as typed configuration: parse, migrate, layer, decode, diff, edit, redact. Pure functions; no disk, no events.
 * Unchanged subtrees keep their identity from one loaded document to the next, so `Object.is` tells what changed. No message ever holds a
 * value from the document.
 */
import { Result, type Schema, type SchemaAST } from "effect"
import { compile, type State } from "./ConfigDocument/Codec.ts"
import { changesBetween, differences, needsRestart, unwrap } from "./ConfigDocument/Difference.ts"
import { type Draft, pretty, rewriteDocument, setValue } from "./ConfigDocument/Edit.ts"
import {
  absent,
  adopt,
  findFaults,
  isObject,
  keepShallow,
  lookup,
  maxDepth,
  type PlainObject,
  parsePointer,
  pointer,
  replaceAt,
  type Tokens,
} from "./ConfigDocument/Json.ts"
import {
  type Asked,
  applyOverrides,
  ask,
  decisive,
  environmentOverrides,
  hides,
  type Override,
  runtimeOverrides,
} from "./ConfigDocument/Layers.ts"
import { type Known, type Layout, patch } from "./ConfigDocument/Patch.ts"
import { type Finding, Findings, kindOf, locate } from "./ConfigDocument/Problems.ts"
import { redactRotated, redactText, restoreText, restoreValue } from "./ConfigDocument/Redact.ts"
import { declaredDefaults, restartKey, Shapes } from "./ConfigDocument/Shape.ts"
import { depthExceeded, lines, maxLength, parse } from "./ConfigDocument/Text.ts"
import { positions } from "./ConfigDocument/Tree.ts"
import { migrate, versionOf } from "./ConfigDocument/Version.ts"
import type { Problem } from "./ConfigError.ts"
import { didYouMean, nearNames } from "./NearNames.ts"

/** JSON Pointer (RFC 6901) and the new value, or its removal. */
export type Edit = { readonly path: string; readonly value: unknown } | { readonly path: string; readonly remove: true }

/** One effective difference, secrets redacted. Absent is `undefined`. */
export interface Change {
  readonly path: string
  readonly before: unknown
  readonly after: unknown
}

export type Provenance = "default" | "document" | "environment" | "runtime"

/** Plain JSON in, plain JSON out: lifts a document by one version. */
export type Migration = (document: Schema.Json) => Schema.Json

/** What replaces a secret wherever a document is shown. A write that holds it keeps the secret that stands there. */
export const redactionMarker = "<redacted>"

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
  /** Unknown keys (with near names), accepted but worth saying. */
  readonly warnings: ReadonlyArray<Problem>
  /** Present if the text was of an older version: what to write at the next write. */
  readonly migrated?: { readonly from: number; readonly to: number; readonly text: string }
  /** The encoded configuration with defaults filled in, after all layers: what `diff` compares. */
  readonly effective: unknown
}

export interface Difference {
  /** JSON Pointers of effective differences, at most 256. */
  readonly paths: ReadonlyArray<string>
  readonly truncated: boolean
  /** Those of `paths` whose schema says that they need a restart. */
  readonly restartRequired: ReadonlyArray<string>
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
  /** Redacted before and after values, for people; as many as `diff` has paths. */
  readonly changes: (before: Loaded<C>, after: Loaded<C>) => ReadonlyArray<Change>
  /** Applies edits to a text, keeping comments, order and formatting. A redaction marker within a value keeps the secret stored at that path. */
  readonly edit: (text: string, edits: ReadonlyArray<Edit>) => Result.Result<string, ReadonlyArray<Problem>>
  /** A whole new text in which redaction markers are replaced by the secrets that `current` has at those paths; refused where it has none. */
  readonly restore: (text: string, current: string) => Result.Result<string, ReadonlyArray<Problem>>
  /** The text with every secret replaced by the marker; what cannot be parsed yields nothing but the marker. */
  readonly redact: (text: string) => string
  /** Blanks in `text` the secrets that `keep` does not hold (history). */
  readonly redactRotated: (text: string, keep: string) => string
  readonly provenance: (loaded: Loaded<C>, layers: Layers, path: string) => Provenance
  /** The paths among these edits that a higher layer hides. */
  readonly shadowed: (edits: ReadonlyArray<Edit>, layers: Layers) => ReadonlyArray<string>
  /** The first text of a new place: the version and every default. */
  readonly seed: Result.Result<string, ReadonlyArray<Problem>>
}

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
const make = <S extends Schema.Top>(options: Options<S>): ConfigDocument<S["Type"]> => new Document<S["Type"]>(options)

/** Marks a schema: what changes at or below it takes effect only after a restart. */
const restartRequired = <S extends Schema.Top>(schema: S): S["Rebuild"] => schema.annotate({ [restartKey]: true })

export const ConfigDocument = { make, restartRequired } as const

interface Read {
  readonly value: PlainObject
  readonly commented: boolean
  readonly layout: Layout | undefined
}

/** What is known of a loaded document besides what it shows. */
interface Internals extends Known {
  readonly commented: boolean
  /** Of the current version, without the version. */
  readonly document: PlainObject
  readonly asked: Asked | undefined
  readonly layered: unknown
  readonly state: State
}

class Document<C> implements ConfigDocument<C> {
  readonly version: number
  readonly seed: Result.Result<string, ReadonlyArray<Problem>>
  private readonly ast: SchemaAST.AST
  private readonly shapes: Shapes
  private readonly codec: ReturnType<typeof compile>
  private readonly internals = new WeakMap<object, Internals>()
  private readonly migrations: ReadonlyArray<Migration>
  private readonly prefix: string | undefined
  private readonly declaresVersion: boolean

  constructor(options: Options<Schema.Top>) {
    this.migrations = options.migrations ?? []
    this.version = this.migrations.length + 1
    this.prefix = options.environmentPrefix
    this.ast = options.schema.ast
    this.shapes = new Shapes(this.ast)
    this.codec = compile(this.ast, this.shapes)
    this.declaresVersion = this.shapes.root.some((shape) => shape.fields.has("version"))
    this.seed =
      options.seed === undefined ? this.defaults() : Result.map(this.load(options.seed, {}), () => options.seed!)
  }

  load = (text: string, layers: Layers, previous?: Loaded<C>): Result.Result<Loaded<C>, ReadonlyArray<Problem>> => {
    const before = previous === undefined ? undefined : this.internals.get(previous)
    const parsed = this.read(text, before)
    if (Result.isFailure(parsed)) return Result.fail(parsed.failure)
    const findings = new Findings()
    const raw = parsed.success.value
    const from = versionOf(raw, this.version, findings)
    if (from === undefined) return this.refuse(text, findings)
    const document = this.lift(raw, from, before, findings)
    if (document === undefined) return this.refuse(text, findings)
    const warnings = new Findings()
    const asked = this.ask(document, layers, before?.asked)
    const overrides = overridesOf(asked, layers, findings, warnings)
    const layered = overrides.length === 0 ? document : applyOverrides(document, overrides, before?.layered, findings)
    const decoding = new Findings()
    const state = this.codec.decode(layered, before?.state, [], decoding)
    for (const finding of decoding.list) findings.add(attribute(finding, overrides))
    findings.count += decoding.count - decoding.list.length
    if (state === undefined || findings.count > 0) return this.refuse(text, findings)
    return Result.succeed(
      this.loaded(text, from, { ...parsed.success, text, document, asked, layered, state }, warnings),
    )
  }

  diff = (before: Loaded<C>, after: Loaded<C>): Difference => {
    const { paths, truncated } = differences(before.effective, after.effective)
    const restart = paths.filter((tokens) => needsRestart(this.shapes, tokens))
    return { paths: paths.map(pointer), truncated, restartRequired: restart.map(pointer) }
  }

  changes = (before: Loaded<C>, after: Loaded<C>): ReadonlyArray<Change> =>
    changesBetween(before.effective, after.effective, redactionMarker)

  edit = (text: string, edits: ReadonlyArray<Edit>): Result.Result<string, ReadonlyArray<Problem>> => {
    const parsed = this.read(text, undefined)
    if (Result.isFailure(parsed)) return Result.fail(parsed.failure)
    const stored = parsed.success.value
    const findings = new Findings()
    let draft: Draft = { text, value: stored }
    for (const edit of edits) {
      const wanted = this.readEdit(edit, stored, findings)
      if (wanted === undefined) continue
      const next = setValue(draft, wanted.tokens, wanted.value)
      if (Result.isSuccess(next)) draft = next.success
      else findings.add(next.failure)
    }
    return findings.count > 0 ? this.refuse(text, findings) : Result.succeed(draft.text)
  }

  restore = (text: string, current: string): Result.Result<string, ReadonlyArray<Problem>> => {
    const parsed = this.read(text, undefined)
    if (Result.isFailure(parsed)) return Result.fail(parsed.failure)
    const stored = this.read(current, undefined)
    const value = Result.isSuccess(stored) ? stored.success.value : absent
    const restored = restoreText(this.shapes, text, parsed.success.value, { text: current, value }, redactionMarker)
    if (Result.isSuccess(restored)) return Result.succeed(restored.success)
    const findings = new Findings()
    for (const finding of restored.failure) findings.add(finding)
    return this.refuse(text, findings)
  }

  redact = (text: string): string => redactText(this.shapes, text, redactionMarker)

  redactRotated = (text: string, keep: string): string =>
    redactRotated(this.shapes, text, keep, redactionMarker, (old) => {
      const parsed = this.read(old, undefined)
      return Result.isSuccess(parsed) && versionOf(parsed.success.value, this.version, new Findings()) === this.version
    })

  provenance = (loaded: Loaded<C>, layers: Layers, path: string): Provenance => {
    const tokens = parsePointer(path)
    const internals = this.internals.get(loaded)
    if (tokens === undefined || internals === undefined) return "default"
    const { document } = internals
    const asked = this.ask(document, layers, internals.asked)
    const override = decisive(overridesOf(asked, layers, new Findings(), new Findings()), tokens)
    if (override !== undefined) return override.by
    return lookup(document, tokens) === absent ? "default" : "document"
  }

  shadowed = (edits: ReadonlyArray<Edit>, layers: Layers): ReadonlyArray<string> => {
    const runtime = runtimeOverrides(layers.runtime ?? [], new Findings())
    return edits
      .filter((edit) => {
        const tokens = parsePointer(edit.path)
        const value = "remove" in edit ? absent : edit.value
        return tokens !== undefined && hides(this.shapes, this.prefix, layers.environment, runtime, tokens, value)
      })
      .map((edit) => edit.path)
  }

  /** The text as a frozen JSON object that shares with what was read before. */
  private read(text: string, before: Internals | undefined): Result.Result<Read, ReadonlyArray<Problem>> {
    const patched = before === undefined ? undefined : this.patched(text, before)
    if (patched !== undefined) return Result.succeed(patched)
    const refuse = (offset: number, message: string, path: Tokens = []) =>
      Result.fail([{ by: "parser", path: pointer(path), ...lines(text)(offset), message }])
    const parsed = parse(text, before?.commented === true)
    if (Result.isFailure(parsed)) return refuse(parsed.failure.offset, parsed.failure.message)
    const check = { faulty: false }
    const value = adopt(parsed.success.value, before?.value, 0, check)
    if (check.faulty) return Result.fail(this.faults(text, parsed.success.value))
    if (!isObject(value)) return refuse(0, `the document must be an object in braces, not ${kindOf(value)}`)
    return Result.succeed({ value, commented: parsed.success.commented, layout: undefined })
  }

  private patched(text: string, before: Internals): Read | undefined {
    if (text === before.text) return { value: before.value, commented: before.commented, layout: before.layout }
    if (text.length > maxLength) return undefined
    const patched = patch(before, text)
    return patched === undefined ? undefined : { ...patched, commented: before.commented }
  }

  private faults(text: string, value: unknown): ReadonlyArray<Problem> {
    const deep = depthExceeded(text)
    if (deep !== -1) {
      const message = `nested deeper than ${maxDepth} levels: make it flatter`
      return [{ by: "parser", path: "", ...lines(text)(deep), message }]
    }
    const findings = new Findings()
    for (const { kind, path } of findFaults(value, 1000)) {
      const message =
        kind === "number"
          ? "this number is out of range: write a smaller one"
          : "the key __proto__ is not allowed: rename it"
      findings.add({ by: "parser", path, message, at: kind === "number" ? "value" : "key" })
    }
    return locate(findings, positions(text))
  }

  /** The document in the current version and without its number, which belongs to the text. */
  private lift(
    raw: PlainObject,
    from: number,
    before: Internals | undefined,
    findings: Findings,
  ): PlainObject | undefined {
    if (raw === before?.value) return before.document
    const current = from === this.version ? raw : migrate(raw, this.migrations, from, before?.document, findings)
    const free = this.shapes.root.some((shape) => shape.rest.length > 0)
    if (current === undefined || this.declaresVersion || !free) return current
    // under free keys the version would count as one of them
    return keepShallow(before?.document, replaceAt(current, ["version"], absent) as PlainObject)
  }

  private ask(document: PlainObject, { environment }: Layers, earlier: Asked | undefined): Asked | undefined {
    return this.prefix === undefined || environment === undefined
      ? undefined
      : ask(this.shapes, this.prefix, environment, document, earlier)
  }

  private loaded(text: string, from: number, internals: Internals, warnings: Findings): Loaded<C> {
    const { document, state, value: raw } = internals
    for (const path of state.unknown) {
      if (path.length === 1 && path[0] === "version") continue
      warnings.add({ by: "schema", path, message: this.unknownKey(path), at: "key" })
    }
    let located: ReadonlyArray<Problem> | undefined
    const loaded: Loaded<C> = {
      text,
      config: state.output as C,
      effective: state.effective,
      // positions cost a tree: only who reads the warnings pays for it
      get warnings() {
        located ??= warnings.count === 0 ? [] : locate(warnings, positions(text))
        return located
      },
      ...(from === this.version
        ? {}
        : { migrated: { from, to: this.version, text: this.migratedText(text, raw, document) } }),
    }
    this.internals.set(loaded, internals)
    return Object.freeze(loaded)
  }

  private unknownKey(path: Tokens): string {
    const view = this.shapes.at(path.slice(0, -1))
    const near = nearNames(
      path.at(-1) ?? "",
      new Set(view.flatMap((shape) => (shape.encoded ? [...shape.fields.keys()] : []))),
    )
    return `unknown key ${JSON.stringify(path.at(-1))}${didYouMean(near) || ": it has no effect"}`
  }

  private migratedText(text: string, raw: PlainObject, document: PlainObject): string {
    const wanted = Object.hasOwn(document, "version") ? document : { version: this.version, ...document }
    const { paths, truncated } = differences(raw, wanted, 64)
    return truncated ? pretty(wanted) : rewriteDocument({ text, value: raw }, wanted, paths)
  }

  /** Where an edit goes and what it writes, its redaction markers replaced by what is stored. */
  private readEdit(
    edit: Edit,
    stored: unknown,
    findings: Findings,
  ): { readonly tokens: Tokens; readonly value: unknown } | undefined {
    const tokens = parsePointer(edit.path)
    const refuse = (message: string, path: Tokens = tokens ?? []): undefined =>
      findings.add({ by: "schema", path, message, at: "value" })
    if (tokens === undefined)
      return refuse("a path starts with / and writes ~ as ~0 and / as ~1 within keys: correct the path")
    if (tokens.includes("__proto__")) return refuse("the key __proto__ is not allowed: choose another")
    if (tokens.length === 1 && tokens[0] === "version" && !this.declaresVersion) {
      return refuse("the document's version is set by the program: leave it")
    }
    if ("remove" in edit) return { tokens, value: absent }
    const faults = findFaults(edit.value, 1)
    if (faults.length > 0) return refuse("the value is not JSON: use plain data", [...tokens, ...faults[0]!.path])
    const missing: Array<Finding> = []
    // what JSON writes is what will be read: it has no negative zero
    const plain: unknown = JSON.parse(JSON.stringify(edit.value))
    const value = restoreValue(plain, lookup(stored, tokens), tokens, redactionMarker, missing)
    if (missing.length === 0) return { tokens, value }
    for (const finding of missing) findings.add(finding)
    return undefined
  }

  private refuse(text: string, findings: Findings): Result.Result<never, ReadonlyArray<Problem>> {
    return Result.fail(locate(findings, positions(text)))
  }

  private defaults(): Result.Result<string, ReadonlyArray<Problem>> {
    return Result.map(this.load(JSON.stringify({ version: this.version }), {}), (loaded) => {
      const effective = unwrap(loaded.effective)
      const write = (value: unknown): string => pretty({ version: this.version, ...(value as object) })
      const declared = write(declaredDefaults(this.shapes, this.ast, effective))
      const same = Result.map(this.load(declared, {}), (seeded) => this.diff(loaded, seeded).paths.length === 0)
      return Result.isSuccess(same) && same.success ? declared : write(effective)
    })
  }
}

const overridesOf = (
  asked: Asked | undefined,
  layers: Layers,
  findings: Findings,
  warnings: Findings,
): ReadonlyArray<Override> => {
  const environment = asked === undefined ? [] : environmentOverrides(asked, findings, warnings)
  return layers.runtime === undefined ? environment : [...environment, ...runtimeOverrides(layers.runtime, findings)]
}

/** A problem with a value that the document does not hold has no place in the text. */
const attribute = (finding: Finding, overrides: ReadonlyArray<Override>): Finding => {
  const override = decisive(overrides, finding.path)
  return override === undefined
    ? finding
    : { ...finding, at: "nowhere", message: `${override.name}: ${finding.message}` }
}
