/** What commands that change the configuration say about it. */
import type * as ConfigGroup from "@signalbox/api/ConfigGroup"
import { changeSummary, dotted } from "@signalbox/core/ChangeSummary"
import { format } from "@signalbox/core/ConfigError"
import { Effect, Result } from "effect"
import type { Access } from "../../ConfigAccess.ts"
import { pointerOf } from "../../ConfigPath.ts"
import { usage } from "../../Failure.ts"
import { Json } from "../../GlobalFlags.ts"
import { answer, type Paint, remark } from "../../Print.ts"
import { line, lines } from "../../TextFormat.ts"

/** The JSON Pointer that somebody has written. */
export const pointer = (text: string) =>
  Result.match(pointerOf(text), {
    onSuccess: Effect.succeed,
    onFailure: (why) =>
      Effect.fail(
        usage(
          `${JSON.stringify(text)} is no path: ${why}`,
          'write models.fast.upstream, models."gpt-4.1", or /models/fast',
        ),
      ),
  })

/** One line for each change, as `/reload>` shows it. */
export const changeLines = (changes: ReadonlyArray<ConfigGroup.Change>): ReadonlyArray<string> =>
  lines(changeSummary(changes.map(({ after, before, path }) => ({ path, before, after }))))
    .split("\n")
    .slice(1)

const name = (path: string): string => line(dotted(path))

/** What does not show in the changes themselves. */
const remarksOn = (
  access: Access,
  { restartRequired, shadowed }: Pick<ConfigGroup.Written, "restartRequired" | "shadowed">,
): ReadonlyArray<string> => [
  ...shadowed.map((path) => `${name(path)} is written, but the environment (SIGNALBOX_…) or an override hides it`),
  ...(access.host === undefined
    ? ["schema-checked only: no host runs here"]
    : restartRequired.map((path) => `${name(path)} takes effect at the next start of the host`)),
]

/** The answer to a change that took place. */
export const tellWritten = Effect.fnUntraced(function* (access: Access, written: ConfigGroup.Written) {
  yield* answer({ ...written, checked: access.host === undefined ? "schema" : "services" }, (paint) =>
    [
      ...(written.changes.length === 0 ? ["no effective change"] : changeLines(written.changes)),
      paint.dim(`now ${written.hash.slice(0, 12)}${access.host === undefined ? "" : `, revision ${written.revision}`}`),
    ].join("\n"),
  )
  for (const text of remarksOn(access, written)) yield* remark(text)
  // Without one the store has said it.
  if (access.host !== undefined && !(yield* Json)) {
    for (const warning of written.warnings) yield* remark(line(`warning: ${format(written.source, warning)}`))
  }
})

/** What a change would do. */
export const planLines = (access: Access, plan: ConfigGroup.Plan, paint: Paint): ReadonlyArray<string> => [
  ...(plan.changes.length === 0 ? ["no effective change"] : changeLines(plan.changes)),
  ...(plan.rebuilt.length === 0 ? [] : [`would be rebuilt: ${plan.rebuilt.map(line).join(", ")}`]),
  ...(plan.restartRequired.length === 0
    ? []
    : [paint.yellow(`needs a restart: ${plan.restartRequired.map(name).join(", ")}`)]),
  ...plan.shadowed.map((path) => paint.yellow(`hidden by the environment or an override: ${name(path)}`)),
  ...plan.warnings.map(({ message, path }) => paint.yellow(`warning: ${name(path)}: ${line(message)}`)),
  ...(access.host === undefined ? [paint.dim("schema-checked only: no host runs here")] : []),
]
