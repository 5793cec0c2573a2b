/**
 * `config import`: the members of another document that Signalbox knows take the place of those here; what it does not have stays. A document
 * of copilot-api is one of those (facts of copilot-api): its models name no provider and go to the one called `default`.
 */
import { ConfigDocument } from "@signalbox/core/ConfigDocument"
import { defaultProvider } from "@signalbox/core/ModelSettings"
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { HostConfig } from "@signalbox/server/HostConfig"
import { Effect, Result, type Schema } from "effect"
import { type Access, type Edit, withAccess } from "../../ConfigAccess.ts"
import { refused } from "../../ConfigFailure.ts"
import { failed } from "../../Failure.ts"
import { Json } from "../../GlobalFlags.ts"
import { readGiven } from "../../InputText.ts"
import { paint, remark } from "../../Print.ts"
import { line } from "../../TextFormat.ts"
import { ask } from "./ask.ts"
import { planLines, tellWritten } from "./changeReport.ts"
import { tellPlan } from "./plan.ts"

interface Import {
  readonly file: string
  readonly dryRun: boolean
  readonly yes: boolean
}

export const importFile = Effect.fnUntraced(function* ({ dryRun, file, yes }: Import) {
  const { name, text } = yield* readGiven(file)
  const read = ConfigDocument.parse(text)
  if (Result.isFailure(read)) return yield* refused(read.failure, name)
  const members = yield* membersOf(read.success, name)
  const { edits, unknown } = sorted(members)
  for (const key of unknown)
    yield* remark(line(`warning: ${name}: ${key} is not known here${near(key)} and is left out`))
  if (edits.length === 0) return yield* failed("input", `${line(name)} holds nothing that Signalbox knows`)
  yield* withAccess(dryRun ? "read" : "write", (access) =>
    Effect.gen(function* () {
      if (dryRun) yield* tellPlan(access, { edits }, name)
      else {
        const seen = yes || !(yield* canAsk) ? undefined : yield* agreedOn(access, edits, name)
        yield* tellWritten(access, yield* access.change({ edits }, seen))
      }
      yield* hint(access, members, dryRun)
    }),
  )
})

/** A script is not asked: what it names takes place. */
const canAsk = Effect.map(Json, (json) => !json && process.stdin.isTTY && process.stderr.isTTY)

/** Shows what would change and asks; the hash is of the document that this was said about. */
const agreedOn = Effect.fnUntraced(function* (access: Access, edits: ReadonlyArray<Edit>, name: string) {
  const { hash } = yield* access.state
  const plan = yield* access.plan({ edits })
  if (plan.problems.length > 0) return yield* refused(plan.problems, name)
  const colours = yield* paint
  yield* remark(planLines(access, plan, colours).join("\n"))
  return (yield* ask("Apply this?", ["yes", "no"])) === "yes" ? hash : yield* failed("aborted", "nothing was changed")
})

const known = Object.keys(HostConfig.schema.fields)

const near = (key: string): string => didYouMean(nearNames(key, known))

const isMembers = (value: unknown): value is Readonly<Record<string, Schema.Json>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const membersOf = (value: unknown, name: string) => {
  if (!isMembers(value)) return Effect.fail(failed("input", `${line(name)} is no document: it holds no object`))
  const version = value["version"] ?? HostConfig.version
  return version === HostConfig.version
    ? Effect.succeed(value)
    : Effect.fail(
        failed(
          "input",
          `${line(name)} is a document of another version than ${HostConfig.version}`,
          "use a Signalbox that knows it, or take the version out if you know better",
        ),
      )
}

const sorted = (members: Readonly<Record<string, Schema.Json>>) => {
  const edits: Array<Edit> = []
  const unknown: Array<string> = []
  for (const [key, value] of Object.entries(members)) {
    if (known.includes(key)) edits.push({ path: `/${key}`, value })
    else if (key !== "version") unknown.push(key)
  }
  return { edits, unknown }
}

/** Models that name no provider need one that is called `default`. */
const hint = Effect.fnUntraced(function* (
  access: Access,
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
  yield* remark(
    `hint: ${orphans.length} of the models go to the provider "default", which is not there yet. Add it:\n` +
      `  signalbox config set providers.default '{"kind":"openai","base_url":"https://api.openai.com/v1"}'\n` +
      "  signalbox config set providers.default.api_key - < file-with-the-key",
  )
})

const memberOf = (members: Readonly<Record<string, Schema.Json>>, key: string): object => {
  const value = members[key]
  return isMembers(value) ? value : {}
}
