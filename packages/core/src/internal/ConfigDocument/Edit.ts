/**
 * Edits of the text that keep what is around them: comments, order, indentation. At the end the text is parsed and compared with what it is to
 * say, so that an edit that does not take effect is never answered as done. Many edits cost a few parses: a value, its text and where its
 * members stand are changed in place.
 */

import { Result } from "effect"
import { arrayIndex, type Tokens } from "../../JsonPointer.ts"
import { absent, findFaults, isObject, lookup, maxDepth, member, put } from "../Json.ts"
import { equivalent } from "./Difference.ts"
import { Outline, type Step } from "./Outline.ts"
import type { Finding } from "./Problems.ts"
import { appendItem, removeItem, replaceValue } from "./Splice.ts"
import { parse } from "./Text.ts"

/** A text that is being edited, and what it says. For texts that parse. */
export class Draft {
  readonly #mark: string
  readonly #outline: Outline
  #text: string
  #value: unknown
  #changed = false
  /** The parts of the value that are this draft's own: they may be written into. */
  readonly #owned = new Set<unknown>()

  constructor(text: string, value: unknown) {
    this.#mark = text.charCodeAt(0) === 0xfeff ? text[0]! : ""
    this.#text = text.slice(this.#mark.length)
    this.#value = value
    this.#outline = new Outline(this.#text)
  }

  get text(): string {
    return this.#mark + this.#text
  }

  /** What the text is to say. Changes with the next edit. */
  get value(): unknown {
    return this.#value
  }

  /** Sets one value, or removes it by `absent`; answers why it cannot. The value is plain JSON. */
  set(tokens: Tokens, value: unknown): Finding | undefined {
    const refuse = (message: string, path: Tokens = tokens): Finding => ({ by: "schema", path, message, at: "value" })
    if (tokens.length === 0) return refuse("the document as a whole cannot be edited: replace it, or edit its keys")
    const before = lookup(this.#value, tokens)
    if (value === absent ? before === absent : before !== absent && equivalent(before, value)) return undefined
    if (!hasPlace(this.#value, tokens))
      return refuse("there is no place for this value: what is above it is no object and no such array element")
    if (value !== absent && findFaults(value, 1, tokens.length).length > 0)
      return refuse(`nested deeper than ${maxDepth} levels: make it flatter`)
    const walked = this.#outline.walk(this.#text, tokens)
    if ("twice" in walked) {
      const { twice } = walked
      return refuse(
        `the key ${JSON.stringify(twice.at(-1))} stands twice here, so that an edit would be ambiguous: remove one`,
        twice,
      )
    }
    this.#assign(tokens, value)
    this.#splice(walked.steps, tokens, value)
    this.#changed = true
    return undefined
  }

  /** Whether the text says what it is to say. */
  isTrue(): boolean {
    if (!this.#changed) return true
    const parsed = parse(this.#text, "comments")
    return Result.isSuccess(parsed) && equivalent(parsed.success.value, this.#value)
  }

  /** The smallest change: one value replaced, one member added or removed. */
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
      const place = lookup(this.#value, tokens.slice(0, depth))
      const added = Array.isArray(place) ? place.at(-1) : member(place, tokens[depth]!)
      const key = Array.isArray(place) ? undefined : tokens[depth]
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
    let place = this.#own(this.#value)
    this.#value = place
    for (const token of tokens.slice(0, -1)) {
      const inner = this.#own(lookup(place, [token]))
      write(place, token, inner)
      place = inner
    }
    write(place, tokens.at(-1)!, value)
  }

  /** The same, to be written into; an object where nothing is. */
  #own(value: unknown): Mutable {
    if (this.#owned.has(value)) return value as Mutable
    const copy: Mutable = Array.isArray(value) ? [...value] : isObject(value) ? { ...value } : {}
    this.#owned.add(copy)
    return copy
  }
}

type Mutable = Array<unknown> | Record<string, unknown>

const write = (place: Mutable, token: string, value: unknown): void => {
  if (Array.isArray(place)) {
    const index = arrayIndex(token) ?? place.length
    if (value === absent) place.splice(index, 1)
    else place[index] = value
  } else if (value === absent) delete place[token]
  else put(place, token, value)
}

/** Whether something can stand at a path: no scalar is in its way, and no element that is missing. */
const hasPlace = (root: unknown, tokens: Tokens): boolean => {
  let place = root
  for (const token of tokens) {
    if (Array.isArray(place)) {
      const index = token === "-" ? place.length : arrayIndex(token)
      if (index === undefined || index > place.length) return false
      place = index < place.length ? place[index] : absent
    } else if (place === absent || isObject(place)) place = member(place, token)
    else return false
  }
  return true
}

/** Carries a whole document over into a text, difference by difference, so that comments stay; written anew where that fails. */
export const rewriteDocument = (
  from: { readonly text: string; readonly value: unknown },
  wanted: unknown,
  paths: ReadonlyArray<Tokens>,
): string => {
  const draft = new Draft(from.text, from.value)
  const refused = paths.some((tokens) => draft.set(tokens, lookup(wanted, tokens)) !== undefined)
  return !refused && equivalent(draft.value, wanted) && draft.isTrue() ? draft.text : pretty(wanted)
}

export const pretty = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`
