/** `config plan`: pairs of a path and a value, or a whole document in a file. */
import { Effect, type Schema } from "effect"
import { type Access, type Edit, type Proposal, withAccess } from "../../ConfigAccess.ts"
import { refused } from "../../ConfigFailure.ts"
import { usage } from "../../Failure.ts"
import { readGiven } from "../../InputText.ts"
import { answer } from "../../Print.ts"
import { valueOf } from "../../ValueArgument.ts"
import { planLines, pointer } from "./changeReport.ts"

interface Plan {
  readonly words: ReadonlyArray<string>
  readonly unset: ReadonlyArray<string>
  readonly asText: boolean
}

export const plan = Effect.fnUntraced(function* (input: Plan) {
  const { name, proposal } = yield* proposalOf(input)
  return yield* withAccess("read", (access) => tellPlan(access, proposal, name))
})

const proposalOf = Effect.fnUntraced(function* ({ asText, unset, words }: Plan) {
  const [file] = words
  if (words.length === 1 && unset.length === 0 && file !== undefined) {
    const { name, text } = yield* readGiven(file)
    const proposal: Proposal = { text }
    return { proposal, name }
  }
  if (words.length % 2 === 1) {
    return yield* usage("a value is missing: paths and values come in pairs", "see `signalbox config plan --help`")
  }
  const edits: Array<Edit> = []
  for (let index = 0; index < words.length; index += 2) {
    const value = yield* valueOf(words[index + 1] ?? "", { asText })
    edits.push({ path: yield* pointer(words[index] ?? ""), value: value as Schema.Json })
  }
  for (const path of unset) edits.push({ path: yield* pointer(path), remove: true })
  if (edits.length === 0) {
    return yield* usage("nothing to plan", "name a path and a value, a file, or --unset PATH")
  }
  const proposal: Proposal = { edits }
  return { proposal, name: undefined }
})

/** Shows it, and fails where somebody would refuse it. */
export const tellPlan = Effect.fnUntraced(function* (access: Access, proposal: Proposal, name: string | undefined) {
  const plan = yield* access.plan(proposal)
  if (plan.problems.length > 0) return yield* refused(plan.problems, name)
  yield* answer({ ...plan, checked: access.host === undefined ? "schema" : "services" }, (paint) =>
    planLines(access, plan, paint).join("\n"),
  )
  return plan
})
