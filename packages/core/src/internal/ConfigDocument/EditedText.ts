/**
 * Edits of a text that keep what surrounds them: comments, order, indentation. At the end the text is parsed and compared with the intended
 * value, so that an edit without effect is never reported as done. However many edits there are, the text is parsed and copied once.
 */
import { Result } from "effect"
import type { Tokens } from "../../JsonPointer.ts"
import { absent, findFaults, freeze, lookup, maxDepth, type PlainObject } from "../Json.ts"
import { Draft } from "./Draft.ts"
import { outlineOf, type Part } from "./Outline.ts"
import type { UnplacedProblem } from "./Problems.ts"
import type { Read } from "./Reader.ts"
import { type Repeat, repeatsIn } from "./Repeats.ts"
import { styleOf } from "./Splice.ts"

/** A text that parses, and the value that it should parse to after the edits. */
export class EditedText {
  readonly #source: string
  readonly #before: PlainObject
  readonly #read: Read
  readonly #root: Draft
  readonly #edited: Array<Tokens> = []
  #repeats: ReadonlyArray<Repeat> | undefined

  constructor(text: string, value: PlainObject, read: Read) {
    this.#source = text
    this.#before = value
    this.#read = read
    this.#root = new Draft(outlineOf(text), value, styleOf(text))
  }

  /** Sets one value, or removes it by `absent`. Returns why it cannot. The value must be plain JSON. */
  set(tokens: Tokens, value: unknown): UnplacedProblem | undefined {
    const last = tokens.length - 1
    if (last < 0) return refuse(tokens, "the document as a whole cannot be edited: replace it, or edit its keys")
    let draft: Draft | undefined = this.#root
    let depth = 0
    let item: Part | undefined
    for (; draft !== undefined; depth++) {
      item = draft.find(tokens[depth]!)
      if (depth === last || item === undefined) break
      draft = draft.open(item)
    }
    const exists = draft !== undefined && item !== undefined
    // The draft has the first of the members with one key, and the value the last.
    const isUnread = !exists && lookup(this.#before, tokens.slice(0, depth + 1)) !== absent
    const repeated = isUnread ? this.#repeated(tokens) : undefined
    if (repeated !== undefined) return repeated
    if (exists ? draft!.holdsAt(item!, value) : value === absent) return undefined
    if (draft === undefined || (item === undefined && !draft.takes(tokens[depth]!))) {
      const message = "there is no place for this value: what is above it is no object and no such array element"
      return this.#repeated(tokens) ?? refuse(tokens, message)
    }
    if (value !== absent && findFaults(value, 1, tokens.length).length > 0)
      return refuse(tokens, `nested deeper than ${maxDepth} levels: make it flatter`)
    if (value === absent) draft.remove(item!)
    else if (item !== undefined) draft.replace(item, freeze(value))
    else {
      const inner = tokens.slice(depth + 1).reduceRight<unknown>((nested, token) => ({ [token]: nested }), value)
      draft.add(tokens[depth]!, freeze(inner))
    }
    this.#edited.push(tokens)
    return undefined
  }

  /** Whether the edits make a value out of the value before. */
  make(value: unknown): boolean {
    return this.#root.holds(value)
  }

  /** The text with the edits, or why it does not parse to the intended value. */
  finish(): Result.Result<string, ReadonlyArray<UnplacedProblem>> {
    if (this.#edited.length === 0) return Result.succeed(this.#source)
    const { text } = this.#root
    const read = this.#read(text, this.#before)
    if (Result.isSuccess(read) && this.make(read.success)) return Result.succeed(text)
    const repeated = this.#edited.flatMap((tokens) => this.#repeated(tokens) ?? [])
    const message = "these edits do not take effect in the text: edit the document by hand"
    return Result.fail(repeated.length > 0 ? repeated : [refuse([], message)])
  }

  #repeated(tokens: Tokens): UnplacedProblem | undefined {
    this.#repeats ??= repeatsIn(this.#source, this.#before, Number.POSITIVE_INFINITY)
    const path = this.#repeats.find(({ path }) => path.every((token, depth) => token === tokens[depth]))?.path
    if (path === undefined) return undefined
    const key = JSON.stringify(path.at(-1))
    return refuse(path, `the key ${key} occurs twice here, so that an edit would be ambiguous: remove one`)
  }
}

const refuse = (path: Tokens, message: string): UnplacedProblem => ({ by: "schema", path, message, at: "value" })

/** Makes a text say `wanted` by edits at the given paths, so that comments stay. Formats `wanted` from scratch where that fails. */
export const rewriteDocument = (
  from: { readonly text: string; readonly value: PlainObject },
  wanted: unknown,
  paths: ReadonlyArray<Tokens>,
  read: Read,
): string => {
  const edited = new EditedText(from.text, from.value, read)
  const refused = paths.some((tokens) => edited.set(tokens, lookup(wanted, tokens)) !== undefined)
  return !refused && edited.make(wanted) ? Result.getOrElse(edited.finish(), () => pretty(wanted)) : pretty(wanted)
}

export const pretty = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`
