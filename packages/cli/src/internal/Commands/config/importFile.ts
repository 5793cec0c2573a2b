/**
 * `config import`: replaces members of the document by those of another document, and keeps members that the other one does not have. Documents of
 * copilot-api can be imported too: their models name no provider and use the one called `default`.
 */
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import type { Problem } from "@signalbox/core/ConfigError"
import { defaultProvider } from "@signalbox/core/ModelSettings"
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { HostConfig } from "@signalbox/server/HostConfig"
import { Effect, Result, type Schema } from "effect"
import type { ConfigAccess, Edit, State } from "../../ConfigAccess.ts"
import { rejectedDocument, withoutPosition } from "../../ConfigFailure.ts"
import { failed } from "../../Failure.ts"
import { Json } from "../../GlobalFlags.ts"
import { printNote, stderrColors } from "../../Print.ts"
import { readInput } from "../../readInput.ts"
import { escapeLine } from "../../TextFormat.ts"
import { withConfig } from "../../withConfig.ts"
import { ask } from "./ask.ts"
import { planLines, printWritten } from "./changeReport.ts"
import { printPlan } from "./printPlan.ts"

interface Input {
  readonly file: string
  readonly dryRun: boolean
  readonly yes: boolean
}

export const importFile = Effect.fnUntraced(function* ({ dryRun, file, yes }: Input) {
  const { name, text } = yield* readInput(file)
  const parsed = ConfigDocument.parse(text)
  if (Result.isFailure(parsed)) return yield* rejectedDocument(parsed.failure, name)
  const members = yield* membersOf(parsed.success, name)
  const { edits, unknown } = editsFor(members)
  for (const key of unknown)
    yield* printNote(escapeLine(`warning: ${name}: ${key} is unknown${near(key)} and left out`))
  if (edits.length === 0) {
    return yield* failed(
      "input",
      `${escapeLine(name)} has no section that Signalbox knows; nothing was changed`,
      `a document has sections such as ${known.slice(0, 3).join(", ")}: see \`signalbox config schema\``,
    )
  }
  yield* withConfig(dryRun ? "read" : "write", (access) =>
    Effect.gen(function* () {
      if (dryRun) yield* printPlan(access, { edits }, undefined)
      else {
        const before = yield* access.state
        if (!yes && (yield* canAsk)) yield* confirm(access, before, edits, name)
        const ifHash = yes || !(yield* canAsk) ? undefined : before.hash
        const written = yield* Effect.mapError(access.change({ edits }, ifHash), (error) =>
          error.kind === "rejected" ? refused(error.problems ?? [], name) : error,
        )
        yield* printWritten(
          access,
          before,
          written,
          edits.map(({ path }) => path),
        )
      }
      yield* hintAtProvider(access, members, dryRun)
    }),
  )
})

/** A script is not asked. */
const canAsk = Effect.map(Json, (json) => !json && process.stdin.isTTY && process.stderr.isTTY)

/** Shows what would change and asks. Fails when the user declines. */
const confirm = Effect.fnUntraced(function* (
  access: ConfigAccess,
  before: State,
  edits: ReadonlyArray<Edit>,
  name: string,
) {
  const plan = yield* access.plan({ edits })
  if (plan.problems.length > 0) return yield* refused(plan.problems, name)
  const paths = edits.map(({ path }) => path)
  yield* printNote(planLines(access, before, plan, { paths }, stderrColors()).join("\n"))
  if ((yield* ask("Apply this?", ["yes", "no"])) === "no") return yield* failed("aborted", "nothing was changed")
})

/** The paths are those of the file, but the positions would be those of the document with its sections. */
const refused = (problems: ReadonlyArray<Problem>, name: string) =>
  failed("rejected", `${escapeLine(name)} is refused; nothing was changed`, "correct it and import it again", {
    problems: problems.map(withoutPosition),
  })

const known = Object.keys(HostConfig.schema.fields)

const near = (key: string): string => didYouMean(nearNames(key, known))

const isMembers = (value: unknown): value is Readonly<Record<string, Schema.Json>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const membersOf = (value: unknown, name: string) => {
  if (!isMembers(value))
    return Effect.fail(failed("input", `${escapeLine(name)} is not a document: it is not an object`))
  const version = value["version"] ?? HostConfig.version
  return version === HostConfig.version
    ? Effect.succeed(value)
    : Effect.fail(
        failed(
          "input",
          `${escapeLine(name)} is not a document of version ${HostConfig.version}`,
          "use the Signalbox that wrote it, or remove its version if you are sure",
        ),
      )
}

const editsFor = (members: Readonly<Record<string, Schema.Json>>) => {
  const edits: Array<Edit> = []
  const unknown: Array<string> = []
  for (const [key, value] of Object.entries(members)) {
    if (known.includes(key)) edits.push({ path: `/${key}`, value })
    else if (key !== "version") unknown.push(key)
  }
  return { edits, unknown }
}

/** Models that name no provider use the provider `default`, which may be missing. */
const hintAtProvider = Effect.fnUntraced(function* (
  access: ConfigAccess,
  members: Readonly<Record<string, Schema.Json>>,
  dryRun: boolean,
) {
  const { effective } = yield* access.state
  const inForce = isMembers(effective) ? effective : {}
  const models = (dryRun ? members["models"] : inForce["models"]) ?? {}
  const providers = { ...memberOf(inForce, "providers"), ...memberOf(members, "providers") }
  const orphans = Object.values(isMembers(models) ? models : {}).filter(
    (model) => isMembers(model) && (model["provider"] ?? defaultProvider) === defaultProvider,
  )
  if (orphans.length === 0 || Object.hasOwn(providers, defaultProvider)) return
  yield* printNote(
    `hint: ${orphans.length} of the models use the provider "default", which does not exist yet. Add it:\n` +
      `  signalbox config set providers.default '{"kind":"openai","base_url":"https://api.openai.com/v1"}'\n` +
      "  signalbox config set providers.default.api_key - < file-with-the-key",
  )
})

const memberOf = (members: Readonly<Record<string, Schema.Json>>, key: string): object => {
  const value = members[key]
  return isMembers(value) ? value : {}
}
