/**
 * Loading: read, lift to the current version, put the layers on top, decode. Knows of each document that it has loaded what the next one can share.
 */
import { Result, type SchemaAST } from "effect"
import type { Problem } from "../../ConfigError.ts"
import { parsePointer, type Tokens } from "../../JsonPointer.ts"
import { absent, keepShallow, type PlainObject, replaceAt } from "../Json.ts"
import { compile } from "./Codec.ts"
import { differences, maxPaths, type Paths, unwrap } from "./Difference.ts"
import { pretty, rewriteDocument } from "./Edit.ts"
import {
  type Asked,
  applyOverrides,
  ask,
  decisive,
  environmentOverrides,
  hasNewNames,
  hides,
  type Override,
  runtimeOverrides,
  unhidden,
} from "./Layers.ts"
import type { Codec, State } from "./Members.ts"
import { type Known, type Layout, patch } from "./Patch.ts"
import { type Finding, Findings, locate } from "./Problems.ts"
import { type Read, readText } from "./Reader.ts"
import { declaredDefaults, type Shapes } from "./Shape.ts"
import { Source } from "./Source.ts"
import { type Habit, maxLength } from "./Text.ts"
import { positions } from "./Tree.ts"
import type { Edit, Layers, Loaded, Migration, Provenance } from "./Types.ts"
import { migrate, versionOf } from "./Version.ts"
import { isSearched, warningsOf } from "./Warnings.ts"

export interface Settings {
  readonly ast: SchemaAST.AST
  readonly shapes: Shapes
  readonly migrations: ReadonlyArray<Migration>
  readonly prefix: string | undefined
}

/** What is known of a loaded document besides what it shows. */
interface Internals extends Known {
  readonly id: object
  /** What it was made from, by the one change at or below a path. By its id: the document itself is not kept alive. */
  readonly basis: { readonly id: object; readonly path: Tokens } | undefined
  readonly habit: Habit
  /** The version that the text has. */
  readonly from: number
  /** In the current version; the source itself if that is what the text says and the schema takes it as it is. */
  readonly document: Source
  /** The document under its overrides; the document itself if there are none. */
  readonly layered: Source
  readonly asked: Asked | undefined
  readonly state: State
}

/** What was found out about a text, or not. */
interface Looks {
  readonly searched: boolean
  readonly hidden: boolean
}

type Loading<C> = Result.Result<Loaded<C>, ReadonlyArray<Problem>>

export class Loader<C> {
  readonly version: number
  private readonly settings: Settings
  private readonly codec: Codec
  private readonly internals = new WeakMap<Loaded<C>, Internals>()
  private readonly declaresVersion: boolean
  private readonly freeKeys: boolean

  constructor(settings: Settings) {
    this.settings = settings
    this.version = settings.migrations.length + 1
    this.codec = compile(settings.ast, settings.shapes)
    this.declaresVersion = settings.shapes.root.some((shape) => shape.fields.has("version"))
    this.freeKeys = settings.shapes.root.some((shape) => shape.rest.length > 0)
  }

  load = (text: string, layers: Layers, previous?: Loaded<C>): Loading<C> => {
    const before = previous === undefined ? undefined : this.internals.get(previous)
    const fast = before === undefined ? undefined : this.replaced(text, layers, before)
    if (fast !== undefined) return Result.succeed(fast)
    const read = readText(text, before && { value: before.source.value, habit: before.habit })
    return Result.isFailure(read) ? Result.fail(read.failure) : this.decode(text, read.success, layers, before)
  }

  /** Effective differences, found at once where it is known what has changed. */
  differences = (before: Loaded<C>, after: Loaded<C>): Paths => {
    const basis = this.internals.get(after)?.basis
    const known = basis !== undefined && basis.id === this.internals.get(before)?.id
    return differences(before.effective, after.effective, maxPaths, known ? basis.path : [])
  }

  isCurrent = (text: string): boolean => {
    const read = readText(text)
    return Result.isSuccess(read) && versionOf(read.success.value, this.version, new Findings()) === this.version
  }

  provenance = (loaded: Loaded<C>, layers: Layers, path: string): Provenance => {
    const tokens = parsePointer(path)
    const internals = this.internals.get(loaded)
    if (tokens === undefined || internals === undefined) return "default"
    const asked = this.ask(internals.document, layers, internals.asked)
    const override = decisive(overridesOf(asked, layers, new Findings(), new Findings()), tokens)
    if (override !== undefined) return override.by
    return internals.document.at(tokens) === absent ? "default" : "document"
  }

  shadowed = (edits: ReadonlyArray<Edit>, layers: Layers): ReadonlyArray<string> => {
    const { prefix, shapes } = this.settings
    const runtime = runtimeOverrides(layers.runtime ?? [], new Findings())
    const hidden = edits.filter((edit) => {
      const tokens = parsePointer(edit.path)
      const value = "remove" in edit ? absent : edit.value
      return tokens !== undefined && hides(shapes, prefix, layers.environment, runtime, tokens, value)
    })
    return hidden.map((edit) => edit.path)
  }

  /** The version and every default. */
  seed(): Result.Result<string, ReadonlyArray<Problem>> {
    const { ast, shapes } = this.settings
    const write = (value: unknown): string => pretty({ version: this.version, ...(value as object) })
    return Result.map(this.load(JSON.stringify({ version: this.version }), {}), (loaded) => {
      const effective = unwrap(loaded.effective)
      const declared = write(declaredDefaults(shapes, ast, effective))
      const seeded = this.load(declared, {})
      const same =
        Result.isSuccess(seeded) && differences(loaded.effective, seeded.success.effective).paths.length === 0
      return same ? declared : write(effective)
    })
  }

  /** The fast path: one value of the text has become another, and nothing stands above the document. */
  private replaced(text: string, layers: Layers, before: Internals): Loaded<C> | undefined {
    if (text.length > maxLength || before.layered !== before.source || (layers.runtime ?? []).length > 0)
      return undefined
    const patched = patch(before, text)
    if (patched === undefined || patched.tokens[0] === "version") return undefined
    const { indexes, layout, same, tokens, value } = patched
    const { environment } = layers
    const asked = environment !== undefined && this.settings.prefix !== undefined
    if (
      asked ? before.asked?.environment !== environment || before.asked.found.length > 0 : before.asked !== undefined
    ) {
      return undefined
    }
    if (
      before.asked !== undefined &&
      hasNewNames(this.settings.shapes, this.settings.prefix!, before.asked, tokens, value)
    ) {
      return undefined
    }
    let depth = 0
    const reached = (reachedDepth: number): void => {
      depth = reachedDepth
    }
    const change = { tokens, indexes, depth, value, reached }
    // what is wrong is found again on the full path, where it can be said with its place
    const state = same ? before.state : this.codec.patch(before.state, change, [], new Findings())
    if (state === undefined) return undefined
    const source = same ? before.source : before.source.with(tokens, value)
    const document = {
      source,
      document: source,
      layered: source,
      asked: before.asked && { ...before.asked, document: source },
    }
    const { from, habit } = before
    const basis = { id: before.id, path: tokens.slice(0, depth) }
    return this.loaded({ ...document, id: {}, basis, text, layout, habit, from, state }, new Findings(), {
      searched: isSearched(text, true),
      hidden: false,
    })
  }

  private decode(text: string, { habit, value }: Read, layers: Layers, before: Internals | undefined): Loading<C> {
    const findings = new Findings()
    const refuse = (): Loading<C> => Result.fail(locate(findings, positions(text)))
    const from = versionOf(value, this.version, findings)
    if (from === undefined) return refuse()
    const source = value === before?.source.value ? before.source : new Source(value)
    const document = this.lift(source, from, before, findings)
    if (document === undefined) return refuse()
    const warnings = new Findings()
    const asked = this.ask(document, layers, before?.asked)
    const overrides = overridesOf(asked, layers, findings, warnings)
    const layered =
      overrides.length === 0
        ? document
        : new Source(applyOverrides(document.value, overrides, before?.layered.value, findings) as PlainObject)
    const decoding = new Findings()
    const state = this.codec.decode(layered.value, before?.state, [], decoding)
    for (const finding of decoding.list) findings.add(attribute(finding, overrides))
    findings.count += decoding.count - decoding.list.length
    if (state === undefined || findings.count > 0) return refuse()
    const hidden = this.checkHidden(document, layered, state, overrides, findings)
    if (findings.count > 0) return refuse()
    const layout: Layout | undefined = undefined
    return Result.succeed(
      this.loaded(
        { id: {}, basis: undefined, text, layout, habit, from, source, document, layered, asked, state },
        warnings,
        { searched: isSearched(text, before !== undefined), hidden },
      ),
    )
  }

  /** The document in the current version, without its number where any key counts. */
  private lift(source: Source, from: number, before: Internals | undefined, findings: Findings): Source | undefined {
    if (source === before?.source) return before.document
    const old = before?.document.value
    const raw = source.value
    const current = from === this.version ? raw : migrate(raw, this.settings.migrations, from, old, findings)
    if (current === undefined) return undefined
    const stripped = this.freeKeys && !this.declaresVersion && Object.hasOwn(current, "version")
    const document = stripped ? keepShallow(old, replaceAt(current, ["version"], absent) as PlainObject) : current
    return document === raw ? source : new Source(document)
  }

  /**
   * Whether something of the document is hidden. What hides it does not stay with the document: it must be right without it. What only stands
   * above it may be missing there.
   */
  private checkHidden(
    document: Source,
    layered: Source,
    state: State,
    overrides: ReadonlyArray<Override>,
    findings: Findings,
  ): boolean {
    const filled = document === layered ? layered.value : unhidden(document.value, layered.value)
    if (filled === layered.value) return false
    const decodes = (value: unknown, found: Findings): boolean =>
      this.codec.decode(value, state, [], found) !== undefined && found.count === 0
    const found = new Findings()
    if (decodes(document.value, new Findings()) || decodes(filled, found)) return true
    for (const finding of found.list) {
      const by = decisive(overrides, finding.path)?.name ?? "what hides parts of the document"
      findings.add({ ...finding, message: `${finding.message} (without ${by}, which does not stay with the document)` })
    }
    findings.count += found.count - found.list.length
    return true
  }

  private ask(document: Source, { environment }: Layers, earlier: Asked | undefined): Asked | undefined {
    const { prefix, shapes } = this.settings
    return prefix === undefined || environment === undefined
      ? undefined
      : ask(shapes, prefix, environment, document, earlier)
  }

  private loaded(internals: Internals, found: Findings, { hidden, searched }: Looks): Loaded<C> {
    const { from, source, state, text } = internals
    const { shapes } = this.settings
    let located: ReadonlyArray<Problem> | undefined
    const loaded: Loaded<C> = {
      text,
      config: state.output as C,
      effective: state.effective,
      hidden,
      // positions cost a tree: only who reads the warnings pays for it
      get warnings() {
        located ??= warningsOf({ text, source, state, searched }, shapes, found)
        return located
      },
      ...(from === this.version ? {} : { migrated: { from, to: this.version, text: this.migratedText(internals) } }),
    }
    this.internals.set(loaded, internals)
    return Object.freeze(loaded)
  }

  private migratedText({ document, source, text }: Internals): string {
    const current = document.value
    const wanted = Object.hasOwn(current, "version") ? current : { version: this.version, ...current }
    const { paths, truncated } = differences(source.value, wanted, maxMigratedPaths)
    return truncated ? pretty(wanted) : rewriteDocument({ text, value: source.value }, wanted, paths)
  }
}

/** A migration that changes more than this writes the document anew: each change costs a copy of the text. */
const maxMigratedPaths = 64

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
