/**
 * What a text says, as plain JSON, put together when somebody asks. The fast path replaces one value at a time and need not ask: copying a large
 * object costs a sixth of a parse.
 */

import { pointer, type Tokens } from "../../JsonPointer.ts"
import { isObject, lookup, membersOf, objectOf, type PlainObject, replaceDeep } from "../Json.ts"

/** So many replaced values are put aside before the document is put together again. */
const maxPending = 64

interface Replaced {
  readonly tokens: Tokens
  readonly value: unknown
}

/** Immutable to those who look. */
export class Source {
  private base: PlainObject
  private pending: ReadonlyMap<string, Replaced>

  constructor(base: PlainObject, pending: ReadonlyMap<string, Replaced> = new Map()) {
    this.base = base
    this.pending = pending
  }

  get value(): PlainObject {
    if (this.pending.size > 0) {
      this.base = replaceAll(this.base, [...this.pending.values()])
      this.pending = new Map()
    }
    return this.base
  }

  /** The value at a path. */
  at(tokens: Tokens): unknown {
    const inside = [...this.pending.values()].some((replaced) => isBelow(replaced.tokens, tokens))
    return inside ? lookup(this.value, tokens) : this.place(tokens)
  }

  /** The same for who looks at keys only: its members may be those of before. */
  place(tokens: Tokens): unknown {
    for (let length = tokens.length; length > 0 && this.pending.size > 0; length--) {
      const replaced = this.pending.get(pointer(tokens.slice(0, length)))
      if (replaced !== undefined) return lookup(replaced.value, tokens.slice(length))
    }
    return lookup(this.base, tokens)
  }

  /** With one value replaced, which is there. */
  with(tokens: Tokens, value: unknown): Source {
    if (this.pending.size >= maxPending) return new Source(replaceDeep(this.value, tokens, value))
    const pending = new Map(this.pending)
    for (const { tokens: other } of this.pending.values()) {
      if (isBelow(other, tokens)) pending.delete(pointer(other))
    }
    for (let length = tokens.length - 1; length > 0; length--) {
      const path = pointer(tokens.slice(0, length))
      const above = pending.get(path)
      if (above === undefined || !isObject(above.value)) continue
      const joined = replaceDeep(above.value, tokens.slice(length), value)
      return new Source(this.base, pending.set(path, { tokens: above.tokens, value: joined }))
    }
    return new Source(this.base, pending.set(pointer(tokens), { tokens, value }))
  }
}

const isBelow = (tokens: Tokens, above: Tokens): boolean =>
  tokens.length > above.length && above.every((token, index) => token === tokens[index])

/** Copies each object on the way once. */
const replaceAll = (place: PlainObject, replaced: ReadonlyArray<Replaced>): PlainObject => {
  const inner = new Map<string, Array<Replaced>>()
  for (const { tokens, value } of replaced) {
    const [key, ...rest] = tokens
    const group = inner.get(key!) ?? []
    group.push({ tokens: rest, value })
    inner.set(key!, group)
  }
  const { keys, values } = membersOf(place)
  const next = values.map((value, index) => {
    const group = inner.get(keys[index]!)
    if (group === undefined) return value
    const whole = group.find(({ tokens }) => tokens.length === 0)
    return whole === undefined ? replaceAll(value as PlainObject, group) : whole.value
  })
  return objectOf({ keys, values: next })
}
