/** Loads a text: read, migrate, apply the layers above it, decode. Remembers of each loaded document what the next one can share. */
import { Result, type SchemaAST } from "effect"
import type { Problem } from "../../ConfigError.ts"
import { parsePointer } from "../../JsonPointer.ts"
import { absent, lookup, type PlainObject, replaceAt } from "../Json.ts"
import { share } from "../StructuralSharing.ts"
import { compile, unknownKeys } from "./Codec.ts"
import { differences } from "./Difference.ts"
import { pretty, rewriteDocument } from "./EditedText.ts"
import { applyOverrides, decisive, hides, type Override, overridesOf, unhidden } from "./Layers.ts"
import type { Decode } from "./Members.ts"
import { positionsIn } from "./Outline.ts"
import { locate, ProblemList, type UnplacedProblem } from "./Problems.ts"
import type { Read } from "./Reader.ts"
import { isUnknownSecret } from "./Redact.ts"
import type { Shapes } from "./Shape.ts"
import type { Edit, Layers, Loaded, Migration, Provenance } from "./Types.ts"
import { migrate, versionOf } from "./Version.ts"
import { addMisspeltSections, isSearched, warningsOf } from "./Warnings.ts"

interface Settings {
  readonly ast: SchemaAST.AST
  readonly shapes: Shapes
  readonly migrations: ReadonlyArray<Migration>
  readonly prefix: string | undefined
  readonly readText: Read
}

/** The steps from a text to its configuration, as frozen plain JSON. */
interface Stages {
  /** The text as it is. */
  readonly source: PlainObject
  /** In the current version. The same object as `source` if the text has that version. */
  readonly document: PlainObject
  /** Under the overrides. The same object as `document` if there are none. */
  readonly layered: unknown
}

export class Loader<C> {
  readonly version: number
  private readonly settings: Settings
  private readonly decode: Decode
  private readonly stages = new WeakMap<Loaded<C>, Stages>()
  /** Whether the schema would take the document's version for a key of a record. */
  private readonly stripsVersion: boolean

  constructor(settings: Settings) {
    const { ast, migrations, shapes } = settings
    this.settings = settings
    this.version = migrations.length + 1
    this.decode = compile(ast, shapes)
    const isDeclared = shapes.root.some((shape) => shape.fields.has("version"))
    this.stripsVersion = !isDeclared && shapes.root.some((shape) => shape.rest.length > 0)
  }

  load = (text: string, layers: Layers, previous?: Loaded<C>): Result.Result<Loaded<C>, ReadonlyArray<Problem>> => {
    const { readText, shapes } = this.settings
    const before = previous && this.stages.get(previous)
    const problems = new ProblemList()
    const refused = () => Result.fail(locate(problems, positionsIn(text)))
    const read = readText(text, before?.source)
    if (Result.isFailure(read)) return Result.fail(read.failure)
    const source = read.success
    const from = versionOf(source, this.version, problems)
    const document = from === undefined ? undefined : this.lift(source, from, before, problems)
    if (from === undefined || document === undefined) return refused()

    const found = new ProblemList()
    const overrides = overridesOf(this.settings, layers, document, problems, found)
    const layered =
      overrides.length === 0 ? document : share(before?.layered, applyOverrides(document, overrides, problems))
    const decoding = new ProblemList()
    const decoded = this.decode(layered, [], decoding)
    problems.addAll(decoding, (problem) => attribute(problem, overrides))
    const unknown = decoded?.unknown ?? unknownKeys(shapes, shapes.root, layered)
    addMisspeltSections(shapes, document, unknown, problems)
    if (decoded === undefined || problems.count > 0) return refused()
    const hidden = this.hidesParts(document, layered, overrides, problems)
    if (problems.count > 0) return refused()

    const holdsUnknownSecret = unknown.some((path) =>
      isUnknownSecret(shapes, shapes.at(path.slice(0, -1)), path.at(-1) ?? "", lookup(layered, path)),
    )
    const effective = share(previous?.effective, decoded.effective)
    const isSame = previous !== undefined && Object.is(effective, previous.effective)
    const config = isSame ? previous.config : (share(previous?.config, decoded.output) as C)
    const subject = { text, value: source, config, ...decoded, isSearched: isSearched(text, previous !== undefined) }
    let warnings: ReadonlyArray<Problem> | undefined
    const loaded: Loaded<C> = Object.freeze({
      text,
      config,
      effective,
      hidden: hidden || holdsUnknownSecret,
      // Positions cost a reading of the text, which only a caller that reads the warnings pays for.
      get warnings() {
        warnings ??= warningsOf(subject, shapes, found)
        return warnings
      },
      ...(from !== this.version && {
        migrated: { from, to: this.version, text: this.migratedText(text, source, document) },
      }),
    })
    this.stages.set(loaded, { source, document, layered })
    return Result.succeed(loaded)
  }

  isCurrent = (text: string): boolean => {
    const read = this.settings.readText(text)
    return Result.isSuccess(read) && versionOf(read.success, this.version, new ProblemList()) === this.version
  }

  provenance = (loaded: Loaded<C>, layers: Layers, path: string): Provenance => {
    const tokens = parsePointer(path)
    const stages = this.stages.get(loaded)
    if (tokens === undefined || stages === undefined) return "default"
    const overrides = overridesOf(this.settings, layers, stages.document, new ProblemList(), new ProblemList())
    const override = decisive(overrides, tokens)
    if (override !== undefined) return override.by
    return lookup(stages.document, tokens) === absent ? "default" : "document"
  }

  shadowed = (edits: ReadonlyArray<Edit>, layers: Layers): ReadonlyArray<string> =>
    edits.filter((edit) => hides(this.settings, layers, edit)).map((edit) => edit.path)

  /** A text with the version and every default. */
  seed(): Result.Result<string, ReadonlyArray<Problem>> {
    const { shapes } = this.settings
    const seed = pretty(shapes.withDefaults(shapes.root, { version: this.version }))
    return Result.map(this.load(seed, {}), () => seed)
  }

  /** The document in the current version, without its version where that would be taken for a key of a record. */
  private lift(source: PlainObject, from: number, before: Stages | undefined, problems: ProblemList) {
    if (before !== undefined && source === before.source) return before.document
    const { migrations } = this.settings
    const current = from === this.version ? source : migrate(source, migrations, from, before?.document, problems)
    if (current === undefined || !this.stripsVersion || !Object.hasOwn(current, "version")) return current
    return share(before?.document, replaceAt(current, ["version"], absent)) as PlainObject
  }

  /**
   * Whether a part of the document is hidden. The document must be valid without the values that hide it, because they do not stay with it.
   * It may lack values that the layers above only add.
   */
  private hidesParts(
    document: PlainObject,
    layered: unknown,
    overrides: ReadonlyArray<Override>,
    problems: ProblemList,
  ): boolean {
    const filled = document === layered ? layered : unhidden(document, layered)
    if (filled === layered) return false
    const found = new ProblemList()
    if (this.decode(document, [], new ProblemList()) !== undefined || this.decode(filled, [], found) !== undefined)
      return true
    problems.addAll(found, (problem) => {
      const by = decisive(overrides, problem.path)?.name ?? "what hides parts of the document"
      return { ...problem, message: `${problem.message} (the document must be valid without ${by})` }
    })
    return true
  }

  private migratedText(text: string, source: PlainObject, document: PlainObject): string {
    const wanted = { version: this.version, ...document }
    const { paths, truncated } = differences(source, wanted, maxMigratedPaths)
    return truncated ? pretty(wanted) : rewriteDocument({ text, value: source }, wanted, paths, this.settings.readText)
  }
}

/** A migration that changes more than this writes the document anew: each change costs a copy of the text. */
const maxMigratedPaths = 64

/** A problem with a value that the document does not hold has no place in the text. */
const attribute = (problem: UnplacedProblem, overrides: ReadonlyArray<Override>): UnplacedProblem => {
  const override = decisive(overrides, problem.path)
  return override === undefined
    ? problem
    : { ...problem, at: "nowhere", message: `${override.name}: ${problem.message}` }
}
