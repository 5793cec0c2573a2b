/**
 * What a reload says to people: the format of hexai's `/reload>`, so that editors and terminals that know it need not learn another.
 * Changes come redacted from the ConfigStore; nothing here sees a secret.
 */

import type { Change } from "./ConfigDocument.ts"
import { type ConfigStoreError, format } from "./ConfigError.ts"
import { maxPlaces } from "./ConfigEvents.ts"
import { parsePointer } from "./JsonPointer.ts"

/** `Reloaded config (N changes):` (of one, `1 change`), then one line `- key: old → new` for each change, sorted by key. The store names `maxPlaces` at most. */
export const changeSummary = (changes: ReadonlyArray<Change>): string => {
  if (changes.length === 0) return "Reloaded config (no changes detected)."
  const lines = changes
    .map(({ after, before, path }) => ({ key: dotted(path), line: `${show(before)} → ${show(after)}` }))
    .sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0))
    .map(({ key, line }) => `- ${key}: ${line}`)
  const count = changes.length < maxPlaces ? changes.length : `${changes.length} or more`
  return [`Reloaded config (${count} ${count === 1 ? "change" : "changes"}):`, ...lines].join("\n")
}

/** `Reload failed: <reason>`; of a refused document each problem has its line. */
export const reloadFailed = ({ message, reason }: ConfigStoreError): string =>
  reason._tag === "Rejected"
    ? `Reload failed: ${reason.problems.map((problem) => format(reason.source ?? "config", problem)).join("\n")}`
    : `Reload failed: ${message}`

/** A JSON Pointer as a dotted key; a part that is no plain name stands in quotes: `models."gpt-4.1"`. */
export const dotted = (pointer: string): string =>
  pointer === ""
    ? "(document)"
    : (parsePointer(pointer) ?? [pointer])
        .map((part) => (/^[\w-]+$/.test(part) ? part : JSON.stringify(part)))
        .join(".")

// A line stays a line, whatever the value.
const maxShown = 200

const show = (value: unknown): string => {
  if (value === undefined) return "(unset)"
  const plain = typeof value === "string" && /^[^\p{Cc}]+$/u.test(value) && value !== "(unset)"
  const text = plain ? value : (JSON.stringify(value) ?? String(value))
  return text.length <= maxShown ? text : `${text.slice(0, maxShown)}…`
}
