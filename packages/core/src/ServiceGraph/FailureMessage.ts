/** Why a layer failed, in one bounded line that may leave the process: no `Redacted` value of any setting is in it. */
import { Cause, Option, Redacted } from "effect"
import * as Base64 from "effect/encoding/Base64"

export const maxMessage = 500
const maxErrors = 5
// Deeper than any configuration; a value that refers to itself must end too.
const maxDepth = 32

export const failureMessage = (cause: Cause.Cause<unknown>, settings: Iterable<unknown>): string => {
  const errors = Cause.prettyErrors(cause)
  const lines = errors
    .slice(0, maxErrors)
    .map(({ message, name }) => (generic.has(name) ? message : `${name}: ${message}`))
  const more = errors.length > maxErrors ? ` (and ${errors.length - maxErrors} more)` : ""
  // Hide before cutting: half a secret is one too.
  const text =
    conceal([...new Set(lines)].join("; "), secretsIn(settings))
      .replaceAll(/\s+/g, " ")
      .trim() || "no reason given"
  return (text.length > maxMessage ? `${text.slice(0, maxMessage - 1)}…` : text) + more
}

const generic = new Set(["Error", "", "undefined"])

const conceal = (text: string, secrets: ReadonlySet<string>): string => {
  let concealed = text
  // Longest first: a secret may hold another.
  for (const secret of [...secrets].sort((left, right) => right.length - left.length)) {
    concealed = concealed.replaceAll(secret, "<redacted>")
  }
  return concealed
}

/** The strings within `Redacted` values, as they are and as URLs, JSON and Base64 spell them. */
const secretsIn = (settings: Iterable<unknown>): ReadonlySet<string> => {
  const secrets = new Set<string>()
  const seen = new Set<object>()
  const add = (value: unknown, depth: number): void => {
    if (typeof value === "string" && value !== "") {
      secrets.add(value)
      secrets.add(JSON.stringify(value).slice(1, -1))
      secrets.add(encodeURIComponent(value.toWellFormed()))
      secrets.add(Base64.encode(value))
    } else visit(value, depth, add)
  }
  const find = (value: unknown, depth: number): void => {
    // A wiped one has nothing left to say.
    if (Redacted.isRedacted(value)) add(Option.getOrUndefined(unwrap(value)), depth)
    else visit(value, depth, find)
  }
  const visit = (value: unknown, depth: number, next: (value: unknown, depth: number) => void): void => {
    if (typeof value !== "object" || value === null || seen.has(value) || depth > maxDepth) return
    seen.add(value)
    const items = value instanceof Map || value instanceof Set ? value : Object.values(value)
    for (const item of items) next(item, depth + 1)
  }
  for (const setting of settings) find(setting, 0)
  return secrets
}

const unwrap = Option.liftThrowable((redacted: Redacted.Redacted<unknown>) => Redacted.value(redacted))
