/** Keys that occur twice in one object. JSON counts the last one, which surprises the author of the first. */
import { visit } from "jsonc-parser"
import type { Tokens } from "../../JsonPointer.ts"
import { isObject } from "../Json.ts"
import { membersOf } from "../StructuralSharing.ts"
import { colon, scan } from "./Characters.ts"
import { withoutMark } from "./Text.ts"

/** Another key of a name that the object already has. */
export interface Repeat {
  readonly path: Tokens
  readonly offset: number
}

/** At most `limit` repeated keys of a text that parses to `value`. Only a text with more keys than its value is read closely. */
export const repeatsIn = (text: string, value: unknown, limit: number): ReadonlyArray<Repeat> => {
  const found: Array<Repeat> = []
  if (keysInText(text) === keysInValue(value)) return found
  const seen: Array<Set<string>> = []
  visit(withoutMark(text), {
    onObjectBegin: () => void seen.push(new Set()),
    onObjectEnd: () => void seen.pop(),
    onObjectProperty: (key, offset, _length, _line, _character, container) => {
      const keys = seen.at(-1)!
      if (keys.has(key) && found.length < limit) found.push({ path: [...container().map(String), key], offset })
      keys.add(key)
    },
  })
  return found
}

const keysInText = (text: string): number => {
  let count = 0
  scan(text, (code) => {
    if (code === colon) count++
  })
  return count
}

const keysInValue = (value: unknown): number => {
  if (Array.isArray(value)) return value.reduce<number>((count, element) => count + keysInValue(element), 0)
  if (!isObject(value)) return 0
  const { keys, values } = membersOf(value)
  return values.reduce<number>((count, inner) => count + keysInValue(inner), keys.length)
}
