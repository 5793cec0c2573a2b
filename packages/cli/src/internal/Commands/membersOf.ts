/** The members of a JSON object. None for any other value. */
import type { Schema } from "effect"

export type Members = Readonly<Record<string, Schema.Json | undefined>>

export const membersOf = (value: Schema.Json | undefined): Members =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : {}
