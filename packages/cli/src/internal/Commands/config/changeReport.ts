/** Reports changes of the configuration: those that a command made, and those that it would make. */
import type * as ConfigGroup from "@signalbox/api/ConfigGroup"
import { changeSummary, dotted } from "@signalbox/core/ChangeSummary"
import { format } from "@signalbox/core/ConfigError"
import { Effect } from "effect"
import type { ConfigAccess } from "../../ConfigAccess.ts"
import { Json } from "../../GlobalFlags.ts"
import { type Colors, printNote, printResult } from "../../Print.ts"
import { escapeLine, escapeLines } from "../../TextFormat.ts"

const schemaOnly = "checked against the schema only: no host is running"

/** One line for each change, in the format of an editor's `/reload>`. */
export const changeLines = (changes: ReadonlyArray<ConfigGroup.Change>): ReadonlyArray<string> =>
  escapeLines(changeSummary(changes.map(({ after, before, path }) => ({ path, before, after }))))
    .split("\n")
    .slice(1)

const nameOf = (path: string): string => escapeLine(dotted(path))

/** Prints a change that took effect. */
export const printWritten = Effect.fnUntraced(function* (access: ConfigAccess, written: ConfigGroup.Written) {
  yield* printResult({ ...written, checked: access.host === undefined ? "schema" : "services" }, (colors) =>
    [
      ...(written.changes.length === 0 ? ["no effective change"] : changeLines(written.changes)),
      colors.dim(
        `now ${written.hash.slice(0, 12)}${access.host === undefined ? "" : `, revision ${written.revision}`}`,
      ),
    ].join("\n"),
  )
  for (const path of written.shadowed) {
    yield* printNote(`${nameOf(path)} is written, but an environment variable (SIGNALBOX_…) or an override hides it`)
  }
  // Without a host, the store has logged its warnings.
  if (access.host === undefined) return yield* printNote(schemaOnly)
  for (const path of written.restartRequired) {
    yield* printNote(`${nameOf(path)} takes effect at the next start of the host`)
  }
  if (yield* Json) return
  for (const warning of written.warnings) {
    yield* printNote(escapeLine(`warning: ${format(written.source, warning)}`))
  }
})

/** The effects of a change that was not made, line by line. */
export const planLines = (access: ConfigAccess, plan: ConfigGroup.Plan, colors: Colors): ReadonlyArray<string> => [
  ...(plan.changes.length === 0 ? ["no effective change"] : changeLines(plan.changes)),
  ...(plan.rebuilt.length === 0 ? [] : [`rebuilds: ${plan.rebuilt.map(escapeLine).join(", ")}`]),
  ...(plan.restartRequired.length === 0
    ? []
    : [colors.yellow(`needs a restart: ${plan.restartRequired.map(nameOf).join(", ")}`)]),
  ...plan.shadowed.map((path) => colors.yellow(`hidden by an environment variable or an override: ${nameOf(path)}`)),
  ...plan.warnings.map(({ message, path }) => colors.yellow(`warning: ${nameOf(path)}: ${escapeLine(message)}`)),
  ...(access.host === undefined ? [colors.dim(schemaOnly)] : []),
]
