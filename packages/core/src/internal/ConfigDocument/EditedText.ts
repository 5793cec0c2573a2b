/**
 * Edits of a text that keep what surrounds them: comments, order, indentation. At the end the text is parsed and compared with the intended
 * value, so that an edit without effect is never reported as done. Many edits cost one parse: the value, the text and its outline are
 * changed in place, where jsonc-parser's `modify` would parse the text for each edit.
 */
import { Result } from "effect"
import { arrayIndex, type Tokens } from "../../JsonPointer.ts"
import { absent, findFaults, isObject, lookup, maxDepth, member, put } from "../Json.ts"
import { markLength } from "./Characters.ts"
import { equivalent } from "./Difference.ts"
import { Outline, type Step } from "./Outline.ts"
import type { UnplacedProblem } from "./Problems.ts"
import type { Read } from "./Reader.ts"
import { appendItem, removeItem, replaceValue } from "./Splice.ts"

/** A text that parses, and the value that it should parse to after the edits. */
export class EditedText {
  readonly #mark: string
  readonly #outline: Outline
  #text: string
  #value: unknown
  #changed = false
  /** The parts of the value that were copied, so that they may be written into. */
  readonly #owned = new Set<unknown>()

  readonly #read: Read

  constructor(text: string, value: unknown, read: Read) {
    this.#read = read
    this.#mark = text.slice(0, markLength(text))
    this.#text = text.slice(this.#mark.length)
    this.#value = value
    this.#outline = new Outline(this.#text)
  }

  get text(): string {
    return this.#mark + this.#text
  }

  /** The intended value. The next edit changes it in place. */
  get value(): unknown {
    return this.#value
  }

  /** Sets one value, or removes it by `absent`. Returns why it cannot. The value must be plain JSON. */
  set(tokens: Tokens, value: unknown): UnplacedProblem | undefined {
    const refuse = (message: string, path: Tokens = tokens) => ({ by: "schema", path, message, at: "value" }) as const
    if (tokens.length === 0) return refuse("the document as a whole cannot be edited: replace it, or edit its keys")
    const before = lookup(this.#value, tokens)
    if (value === absent ? before === absent : before !== absent && equivalent(before, value)) return undefined
    if (!canHold(this.#value, tokens))
      return refuse("there is no place for this value: what is above it is no object and no such array element")
    if (value !== absent && findFaults(value, 1, tokens.length).length > 0)
      return refuse(`nested deeper than ${maxDepth} levels: make it flatter`)
    const steps = this.#outline.walk(this.#text, tokens)
    const twice = steps.findIndex(({ container }, depth) => container.repeated.has(tokens[depth]!))
    if (twice !== -1) {
      const message = `the key ${JSON.stringify(tokens[twice])} occurs twice here, so that an edit would be ambiguous: remove one`
      return refuse(message, tokens.slice(0, twice + 1))
    }
    this.#assign(tokens, value)
    this.#splice(steps, tokens, value)
    this.#changed = true
    return undefined
  }

  /** Whether the text parses to the intended value. */
  isTrue(): boolean {
    if (!this.#changed) return true
    const read = this.#read(this.text)
    return Result.isSuccess(read) && equivalent(read.success, this.#value)
  }

  /** Makes the smallest change: one value replaced, one member added or removed. */
  #splice(steps: ReadonlyArray<Step>, tokens: Tokens, value: unknown): void {
    const { container, item, span } = steps.at(-1)!
    const { items } = container
    const text = this.#text
    const spanOf = ({ end, offset }: { readonly offset: number; readonly end: number }) => ({
      offset: span.offset + offset,
      length: end - offset,
    })
    if (item === undefined) {
      const depth = steps.length - 1
      const parent = lookup(this.#value, tokens.slice(0, depth))
      const added = Array.isArray(parent) ? parent.at(-1) : member(parent, tokens[depth]!)
      const key = Array.isArray(parent) ? undefined : tokens[depth]
      const [first, last] = [items[0], items.at(-1)].map((end) => (end === undefined ? undefined : spanOf(end)))
      const appended = appendItem(text, span, first, last, key, added)
      this.#text = appended.text
      this.#outline.appended(steps, this.#text.length - text.length, this.#text, appended.offset)
    } else if (value === absent) {
      const previous = items[items.indexOf(item) - 1]
      const around = { previous: previous === undefined ? undefined : spanOf(previous), isLast: items.at(-1) === item }
      this.#text = removeItem(text, spanOf(item), around)
      this.#outline.removed(steps, this.#text.length - text.length)
    } else {
      this.#text = replaceValue(text, spanOf({ offset: item.start, end: item.end }), value)
      this.#outline.replaced(steps, this.#text.length - text.length)
    }
  }

  #assign(tokens: Tokens, value: unknown): void {
    let container = this.#own(this.#value)
    this.#value = container
    for (const token of tokens.slice(0, -1)) {
      const inner = this.#own(lookup(container, [token]))
      write(container, token, inner)
      container = inner
    }
    write(container, tokens.at(-1)!, value)
  }

  /** A copy that may be written into; an empty object where there is nothing. */
  #own(value: unknown): Mutable {
    if (this.#owned.has(value)) return value as Mutable
    const copy: Mutable = Array.isArray(value) ? [...value] : isObject(value) ? { ...value } : {}
    this.#owned.add(copy)
    return copy
  }
}

type Mutable = Array<unknown> | Record<string, unknown>

const write = (container: Mutable, token: string, value: unknown): void => {
  if (Array.isArray(container)) {
    const index = arrayIndex(token) ?? container.length
    if (value === absent) container.splice(index, 1)
    else container[index] = value
  } else if (value === absent) delete container[token]
  else put(container, token, value)
}

/** Whether a value can be at a path: no scalar and no missing array element is in the way. */
const canHold = (root: unknown, tokens: Tokens): boolean => {
  let container = root
  for (const token of tokens) {
    if (Array.isArray(container)) {
      const index = token === "-" ? container.length : arrayIndex(token)
      if (index === undefined || index > container.length) return false
      container = index < container.length ? container[index] : absent
    } else if (container === absent || isObject(container)) container = member(container, token)
    else return false
  }
  return true
}

/** Makes a text say `wanted` by edits at the given paths, so that comments stay. Formats `wanted` from scratch where that fails. */
export const rewriteDocument = (
  from: { readonly text: string; readonly value: unknown },
  wanted: unknown,
  paths: ReadonlyArray<Tokens>,
  read: Read,
): string => {
  const edited = new EditedText(from.text, from.value, read)
  const refused = paths.some((tokens) => edited.set(tokens, lookup(wanted, tokens)) !== undefined)
  return !refused && equivalent(edited.value, wanted) && edited.isTrue() ? edited.text : pretty(wanted)
}

export const pretty = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`
