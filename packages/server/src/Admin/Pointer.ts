/** JSON Pointers (RFC 6901) into what is shown. */
import type { Schema } from "effect"

/** `undefined`: it is none. */
export const tokensOf = (pointer: string): ReadonlyArray<string> | undefined => {
  if (pointer === "") return []
  if (!pointer.startsWith("/") || /~(?![01])/.test(pointer)) return undefined
  return pointer
    .slice(1)
    .split("/")
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"))
}

/** What stands there, or the names that stand where the way ends. */
export const lookup = (
  value: Schema.Json,
  tokens: ReadonlyArray<string>,
): { readonly found: Schema.Json } | { readonly missing: string; readonly names: ReadonlyArray<string> } => {
  let current = value
  for (const token of tokens) {
    const next = step(current, token)
    if (next === undefined) return { missing: token, names: namesOf(current) }
    current = next
  }
  return { found: current }
}

const step = (value: Schema.Json, token: string): Schema.Json | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  if (Array.isArray(value)) return /^(?:0|[1-9]\d{0,8})$/.test(token) ? value[Number(token)] : undefined
  return Object.hasOwn(value, token) ? (value as Schema.JsonObject)[token] : undefined
}

const namesOf = (value: Schema.Json): ReadonlyArray<string> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? Object.keys(value) : []
