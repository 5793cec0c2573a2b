/** Plain JSON values: reading by path, copying with one value replaced, and finding what no document may hold. */
import { arrayIndex, type Tokens } from "../JsonPointer.ts"

/** Deeper nesting is refused, so that recursive readers (ours and others') never run out of stack. */
export const maxDepth = 200

/** The value of a key that does not exist. It is not `undefined`, which a schema may produce. */
export const absent: unique symbol = Symbol("absent")

export type PlainObject = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is PlainObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Whether an object is neither an array nor an instance of a class. */
export const isPlain = (value: object): value is PlainObject => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Reads own members only: `toString` is not a key of any document. */
export const member = (value: unknown, key: string): unknown =>
  isObject(value) && Object.hasOwn(value, key) ? value[key] : absent

/** Assigns a member, also one called `__proto__`. */
export const put = (target: Record<string, unknown>, key: string, value: unknown): void => {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
  } else target[key] = value
}

/** Freezes plain objects and arrays, not the class instances among them. */
export const freeze = <A>(value: A): A => {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value
  if (Array.isArray(value)) {
    Object.freeze(value)
    for (const element of value) freeze(element)
  } else if (isPlain(value)) {
    Object.freeze(value)
    for (const key in value) freeze(value[key])
  }
  return value
}

export const isDeeperThan = (value: unknown, levels: number): boolean =>
  typeof value === "object" &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1)))

export interface Fault {
  readonly path: Tokens
  readonly kind: "number" | "prototype" | "depth" | "value"
}

/**
 * Finds at most `limit` places that no document may have: numbers beyond the range of a double, the key `__proto__`, nesting that is
 * too deep below `above` levels, and values that are not JSON.
 */
export const findFaults = (root: unknown, limit: number, above = 0): ReadonlyArray<Fault> => {
  const found: Array<Fault> = []
  const path: Array<string> = []
  const report = (kind: Fault["kind"]): void => {
    found.push({ path: [...path], kind })
  }
  const visit = (value: unknown): void => {
    if (found.length >= limit || value === null || typeof value === "string" || typeof value === "boolean") return
    if (typeof value === "number") {
      if (!Number.isFinite(value)) report("number")
    } else if (typeof value !== "object" || !(Array.isArray(value) || isPlain(value))) report("value")
    else if (above + path.length >= maxDepth) report("depth")
    else {
      for (const key of Object.keys(value)) {
        path.push(key)
        if (key === "__proto__") report("prototype")
        else visit((value as PlainObject)[key])
        path.pop()
      }
    }
  }
  visit(root)
  return found
}

/** Returns the value at a path, or `absent`. */
export const lookup = (root: unknown, tokens: Tokens): unknown => {
  let value = root
  for (const token of tokens) {
    if (Array.isArray(value)) {
      const index = arrayIndex(token)
      value = index !== undefined && index < value.length ? value[index] : absent
    } else value = member(value, token)
    if (value === absent) return absent
  }
  return value
}

/**
 * Copies `root` with the value at `tokens` set; `absent` removes it. Creates objects on the way. Returns `absent` where a scalar or a
 * missing array element is in the way, and `root` itself where there is nothing to remove. `tokens` must not be empty.
 */
export const replaceAt = (root: unknown, tokens: Tokens, value: unknown): unknown =>
  value === absent && lookup(root, tokens) === absent ? root : replaceBelow(root, tokens, value, 0)

const replaceBelow = (container: unknown, tokens: Tokens, value: unknown, depth: number): unknown => {
  if (depth === tokens.length) return value
  const token = tokens[depth]!
  const last = depth === tokens.length - 1
  if (Array.isArray(container)) {
    const index = token === "-" ? container.length : arrayIndex(token)
    if (index === undefined || index > container.length) return absent
    if (last && value === absent) return Object.freeze(container.toSpliced(index, 1))
    const inner = replaceBelow(index < container.length ? container[index] : absent, tokens, value, depth + 1)
    if (inner === absent) return absent
    return Object.freeze(index < container.length ? container.with(index, inner) : [...container, inner])
  }
  if (container !== absent && !isObject(container)) return absent
  const source = container === absent ? {} : container
  const inner = last ? value : replaceBelow(member(source, token), tokens, value, depth + 1)
  if (inner === absent && !last) return absent
  const copy: Record<string, unknown> = {}
  for (const key of Object.keys(source)) if (key !== token || inner !== absent) put(copy, key, source[key])
  if (inner !== absent) put(copy, token, inner)
  return Object.freeze(copy)
}
