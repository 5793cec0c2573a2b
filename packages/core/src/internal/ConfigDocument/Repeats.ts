/** Keys that stand twice in an object: JSON lets the last one count, and whoever wrote the first one wonders. */

import type { Tokens } from "../../JsonPointer.ts"
import { isObject, keysOf } from "../Json.ts"
import { colon, commentEnd, quote, slash, stringEnd } from "./Characters.ts"
import { type Node, treeOf } from "./Tree.ts"

/** Another key of that name, where it stands. */
export interface Repeat {
  readonly path: Tokens
  readonly offset: number
}

/** For texts that parse, and what they say. Only a text with more keys than its value costs a tree. At most `limit`. */
export const repeatsIn = (text: string, value: unknown, limit: number): ReadonlyArray<Repeat> => {
  if (keysInText(text) === keysInValue(value)) return []
  const root = treeOf(text)
  const found: Array<Repeat> = []
  if (root !== undefined) collect(root, [], found, limit)
  return found
}

const keysInText = (text: string): number => {
  let count = 0
  for (let offset = 0; offset < text.length; offset++) {
    const code = text.charCodeAt(offset)
    if (code === quote) offset = stringEnd(text, offset) - 1
    else if (code === slash) offset = Math.max(offset, commentEnd(text, offset) - 1)
    else if (code === colon) count++
  }
  return count
}

const keysInValue = (value: unknown): number => {
  if (Array.isArray(value)) return value.reduce<number>((count, element) => count + keysInValue(element), 0)
  if (!isObject(value)) return 0
  const keys = keysOf(value)
  return keys.reduce((count, key) => count + keysInValue(value[key]), keys.length)
}

const collect = (node: Node, path: Tokens, found: Array<Repeat>, limit: number): void => {
  const seen = new Set<string>()
  for (const [index, child] of (node.children ?? []).entries()) {
    if (found.length >= limit) return
    const [name, value] = child.type === "property" ? (child.children ?? []) : [undefined, child]
    const key = name === undefined ? String(index) : String(name.value)
    if (name !== undefined && seen.has(key)) found.push({ path: [...path, key], offset: name.offset })
    seen.add(key)
    if (value !== undefined) collect(value, [...path, key], found, limit)
  }
}
