/** JSON Pointers (RFC 6901): `/models/gpt-4.1/upstream`, `""` for the whole document. */
import type { Schema } from "effect"
import { escapeToken, unescapeToken } from "effect/JsonPointer"

export type Tokens = ReadonlyArray<string>

/**
 * Builds a pointer from its tokens, and escapes them.
 *
 * **Example** (Building and reading a pointer)
 *
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert"
 * import * as JsonPointer from "@signalbox/core/JsonPointer"
 *
 * strictEqual(JsonPointer.pointer(["models", "a/b"]), "/models/a~1b")
 * deepStrictEqual(JsonPointer.parsePointer("/models/a~1b"), ["models", "a/b"])
 * ```
 */
export const pointer = (tokens: Tokens): string => {
  let path = ""
  for (const token of tokens) path += `/${escapeToken(token)}`
  return path
}

/** Returns the tokens of a pointer, or `undefined` for a text that is not a JSON Pointer. */
export const parsePointer = (path: string): Tokens | undefined => {
  if (path === "") return []
  if (!path.startsWith("/") || /~(?![01])/.test(path)) return undefined
  return path.slice(1).split("/").map(unescapeToken)
}

/** Returns the array index of a token: `0`, or at most nine digits without a leading zero. */
export const arrayIndex = (token: string): number | undefined =>
  /^(?:0|[1-9][0-9]{0,8})$/.test(token) ? Number(token) : undefined

/**
 * Returns the value at a position, or the first token without a value and the keys that exist there.
 *
 * **Example** (Finding a value)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import * as JsonPointer from "@signalbox/core/JsonPointer"
 *
 * const document = { models: { fast: "gpt-5" } }
 * deepStrictEqual(JsonPointer.find(document, ["models", "fast"]), { found: "gpt-5" })
 * deepStrictEqual(JsonPointer.find(document, ["models", "smart"]), { missing: "smart", keys: ["fast"] })
 * ```
 */
export const find = (
  root: Schema.Json,
  tokens: Tokens,
): { readonly found: Schema.Json } | { readonly missing: string; readonly keys: ReadonlyArray<string> } => {
  let value = root
  for (const token of tokens) {
    const next = step(value, token)
    if (next === undefined) return { missing: token, keys: isMembers(value) ? Object.keys(value) : [] }
    value = next
  }
  return { found: value }
}

const step = (value: Schema.Json, token: string): Schema.Json | undefined => {
  if (Array.isArray(value)) return value[arrayIndex(token) ?? value.length]
  return isMembers(value) && Object.hasOwn(value, token) ? value[token] : undefined
}

const isMembers = (value: Schema.Json): value is Schema.JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)
