/**
 * The summary of a reload, in the format of hexai's `/reload>`, which editors and terminals already understand. Changes come redacted from
 * the ConfigStore.
 */
import type { Change } from "./ConfigDocument.ts"
import { type ConfigStoreError, format } from "./ConfigError.ts"
import { maxPlaces } from "./ConfigEvents.ts"
import { parsePointer } from "./JsonPointer.ts"
import { invisible, visibleJson } from "./VisibleText.ts"

/**
 * `Reloaded config (N changes):`, then one line `- key: old → new` for each change, sorted by key. The store returns at most `maxPlaces` changes.
 *
 * **Example** (Summarising one change)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { changeSummary } from "@signalbox/core/ChangeSummary"
 *
 * const summary = changeSummary([{ path: "/models/fast", before: "small", after: "large" }])
 * strictEqual(summary, "Reloaded config (1 change):\n- models.fast: small → large")
 * ```
 */
export const changeSummary = (changes: ReadonlyArray<Change>): string => {
  if (changes.length === 0) return "Reloaded config (no changes detected)."
  const lines = changes
    .map(({ after, before, path }) => ({ key: dotted(path), line: `${show(before)} → ${show(after)}` }))
    .sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0))
    .map(({ key, line }) => `- ${key}: ${line}`)
  const count = changes.length < maxPlaces ? changes.length : `${changes.length} or more`
  return [`Reloaded config (${count} ${count === 1 ? "change" : "changes"}):`, ...lines].join("\n")
}

/**
 * `Reload failed: <reason>`. Each problem of a refused document has its own line.
 *
 * **Example** (Describing a refused document)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { ConfigStoreError, reloadFailed } from "@signalbox/core"
 * import { Rejected } from "@signalbox/core/ConfigError"
 *
 * const problem = { by: "schema", path: "/limit", line: 3, column: 12, message: "must be an integer" }
 * const error = new ConfigStoreError({ reason: new Rejected({ problems: [problem], source: "config.json" }) })
 * strictEqual(reloadFailed(error), "Reload failed: config.json:3:12: must be an integer (at /limit)")
 * ```
 */
export const reloadFailed = ({ message, reason }: ConfigStoreError): string =>
  reason._tag === "Rejected"
    ? `Reload failed: ${reason.problems.map((problem) => format(reason.source ?? "config", problem)).join("\n")}`
    : `Reload failed: ${message}`

/** A JSON Pointer as a dotted key. A part that is not a plain name is quoted: `models."gpt-4.1"`. */
export const dotted = (pointer: string): string =>
  pointer === ""
    ? "(document)"
    : (parsePointer(pointer) ?? [pointer]).map((part) => (/^[\w-]+$/.test(part) ? part : visibleJson(part))).join(".")

// Longer values are cut, so that each change stays on one line.
const maxShown = 200

const show = (value: unknown): string => {
  if (value === undefined) return "(unset)"
  const plain = typeof value === "string" && value !== "" && value !== "(unset)" && !invisible.test(value)
  const text = plain ? value : visibleJson(value)
  return text.length <= maxShown ? text : `${text.slice(0, maxShown)}…`
}
