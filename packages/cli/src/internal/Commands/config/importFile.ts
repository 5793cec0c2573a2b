/**
 * `config import`: replaces members of the document by those of another document, and keeps members that the other one does not have. Documents of
 * copilot-api can be imported too: their models name no provider and use the one called `default`.
 */
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import { defaultProvider } from "@signalbox/core/ModelSettings"
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { HostConfig } from "@signalbox/server/HostConfig"
import { Effect, Result, type Schema } from "effect"
import type { ConfigAccess, Edit } from "../../ConfigAccess.ts"
import { rejected } from "../../ConfigFailure.ts"
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
  if (Result.isFailure(parsed)) return yield* rejected(parsed.failure, name)
  const members = yield* membersOf(parsed.success, name)
  const { edits, unknown } = editsFor(members)
  for (const key of unknown)
    yield* printNote(escapeLine(`warning: ${name}: ${key} is unknown${near(key)} and left out`))
  if (edits.length === 0) return yield* failed("input", `${escapeLine(name)} has no members that Signalbox knows`)
  yield* withConfig(dryRun ? "read" : "write", (access) =>
    Effect.gen(function* () {
      if (dryRun) yield* printPlan(access, { edits }, name)
      else {
        const ifHash = yes || !(yield* canAsk) ? undefined : yield* confirm(access, edits, name)
        yield* printWritten(access, yield* access.change({ edits }, ifHash))
      }
      yield* hintAtProvider(access, members, dryRun)
    }),
  )
})

/** A script is not asked. */
const canAsk = Effect.map(Json, (json) => !json && process.stdin.isTTY && process.stderr.isTTY)

/** Shows what would change and asks. Returns the hash of the document that the changes were shown for. */
const confirm = Effect.fnUntraced(function* (access: ConfigAccess, edits: ReadonlyArray<Edit>, name: string) {
  const { hash } = yield* access.state
  const plan = yield* access.plan({ edits })
  if (plan.problems.length > 0) return yield* rejected(plan.problems, name)
  yield* printNote(planLines(access, plan, stderrColors()).join("\n"))
  return (yield* ask("Apply this?", ["yes", "no"])) === "yes" ? hash : yield* failed("aborted", "nothing was changed")
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
