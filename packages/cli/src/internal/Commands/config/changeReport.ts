/** Reports changes of the configuration: those that a command made, and those that it would make. */
import type * as ConfigGroup from "@signalbox/api/ConfigGroup"
import { changeSummary, dotted } from "@signalbox/core/ChangeSummary"
import { format, type Problem } from "@signalbox/core/ConfigError"
import { Effect } from "effect"
import type { ConfigAccess, Summary } from "../../ConfigAccess.ts"
import { Json } from "../../GlobalFlags.ts"
import { type Colors, printNote, printResult } from "../../Print.ts"
import { problemLine } from "../../reportFailure.ts"
import { escapeLine, escapeLines } from "../../TextFormat.ts"

export const schemaOnly = "checked against the schema only, without a host"

/** One line for each change, in the format of an editor's `/reload>`. */
export const changeLines = (changes: ReadonlyArray<ConfigGroup.Change>): ReadonlyArray<string> =>
  escapeLines(changeSummary(changes.map(({ after, before, path }) => ({ path, before, after }))))
    .split("\n")
    .slice(1)

const nameOf = (path: string): string => escapeLine(dotted(path))

/** Prints a change that was made to the document `before`. `paths` are those that the command was given. */
export const printWritten = Effect.fnUntraced(function* (
  access: ConfigAccess,
  before: Summary,
  written: ConfigGroup.Written,
  paths: ReadonlyArray<string>,
) {
  const documentChanged = written.hash !== before.hash
  const revision = access.host === undefined ? "" : `, revision ${written.revision}`
  yield* printResult({ ...written, documentChanged, checked: checkedBy(access) }, (colors) =>
    [
      ...(written.changes.length > 0 ? changeLines(written.changes) : [withoutEffect(documentChanged)]),
      colors.dim(`${documentChanged ? "document now" : "document still"} ${written.hash.slice(0, 12)}${revision}`),
    ].join("\n"),
  )
  if (yield* Json) return
  for (const path of written.shadowed) yield* Effect.flatMap(hiddenNote(access, path), printNote)
  for (const warning of concerning(written.warnings, before.warnings, paths)) {
    yield* printNote(escapeLine(`warning: ${format(written.source, warning)}`))
  }
  if (access.host === undefined) return yield* printNote(schemaOnly)
  for (const path of written.restartRequired) {
    yield* printNote(`${nameOf(path)} takes effect at the next start of the host`)
  }
})

const withoutEffect = (documentChanged: boolean): string =>
  documentChanged
    ? "the document is changed, but no value in force"
    : "nothing was changed: the document has this already"

export const checkedBy = ({ host }: ConfigAccess): "schema" | "services" => (host === undefined ? "schema" : "services")

/** The warnings that a change caused, or that are about the paths that a command was given. `doctor` shows all of them. */
export const concerning = (
  warnings: ReadonlyArray<Problem>,
  before: ReadonlyArray<Problem>,
  paths: ReadonlyArray<string>,
): ReadonlyArray<Problem> => {
  const known = new Set(before.map(({ message, path }) => `${path} ${message}`))
  return warnings.filter(
    ({ message, path }) =>
      !known.has(`${path} ${message}`) || paths.some((given) => isWithin(path, given) || isWithin(given, path)),
  )
}

const isWithin = (path: string, ancestor: string): boolean =>
  ancestor !== "" && (path === ancestor || path.startsWith(`${ancestor}/`))

/** Why a written value is not in force. */
const hiddenNote = (access: ConfigAccess, path: string) =>
  Effect.map(Effect.option(access.value(path)), (value) => {
    const name = nameOf(path)
    const isVariable = value._tag === "Some" && value.value.provenance === "environment"
    return isVariable
      ? `${name} is written, but the environment variable ${variableOf(access, path)} hides it: unset it${access.host === undefined ? "" : " where the host is started"}`
      : `${name} is written, but a value set at run time, such as a flag of \`signalbox serve\`, hides it until the host ends`
  })

/** The variable that sets a path, as core's `ConfigDocument` names it. The port has a short name as well, and the host may use either. */
const variableOf = ({ host }: ConfigAccess, path: string): string => {
  const words = path
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .toUpperCase()
  const name = escapeLine(`SIGNALBOX${words}`)
  if (path !== "/listen/port") return name
  const short = "SIGNALBOX_PORT"
  if (host !== undefined) return `${name} or ${short}`
  return process.env[short] === undefined ? name : short
}

/** The effects of a change that was not made, line by line. */
export const planLines = (
  access: ConfigAccess,
  before: Summary,
  plan: ConfigGroup.Plan,
  subject: { readonly paths: ReadonlyArray<string> } | { readonly file: string },
  colors: Colors,
): ReadonlyArray<string> => {
  const isFile = "file" in subject
  const warnings = isFile ? plan.warnings : concerning(plan.warnings, before.warnings, subject.paths)
  return [
    ...(plan.changes.length === 0 ? ["no value in force would change"] : changeLines(plan.changes)),
    ...(plan.rebuilt.length === 0 ? [] : [`rebuilds: ${plan.rebuilt.map(escapeLine).join(", ")}`]),
    ...(plan.restartRequired.length === 0
      ? []
      : [colors.yellow(`needs a restart: ${plan.restartRequired.map(nameOf).join(", ")}`)]),
    ...plan.shadowed.map((path) => colors.yellow(`hidden by an environment variable or an override: ${nameOf(path)}`)),
    ...warnings.map((warning) =>
      colors.yellow(escapeLine(`warning: ${problemLine(warning, isFile ? subject.file : undefined)}`)),
    ),
    ...(access.host === undefined ? [colors.dim(schemaOnly)] : []),
  ]
}
