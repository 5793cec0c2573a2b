/** Places in plain JSON (RFC 6901): `/models/gpt-4.1/upstream`, `""` for the whole. */
import type { Schema } from "effect"

export type Tokens = ReadonlyArray<string>

export const pointer = (tokens: Tokens): string => {
  let path = ""
  for (const token of tokens) path += `/${escapeToken(token)}`
  return path
}

export const escapeToken = (token: string): string =>
  token.includes("~") || token.includes("/") ? token.replaceAll("~", "~0").replaceAll("/", "~1") : token

/** Answers nothing for a text that is no JSON Pointer. */
export const parsePointer = (path: string): Tokens | undefined => {
  if (path === "") return []
  if (!path.startsWith("/") || /~(?![01])/.test(path)) return undefined
  return path
    .slice(1)
    .split("/")
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"))
}

/** The array index that a token means: `0` or digits without a leading zero, nine at most. */
export const arrayIndex = (token: string): number | undefined =>
  /^(?:0|[1-9][0-9]{0,8})$/.test(token) ? Number(token) : undefined

/** What stands there, or the token at which the way ends and the keys that stand beside it. */
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
