/** `config plan`: the effects of pairs of a path and a value, or of a whole document in a file. */
import { Effect, type Schema } from "effect"
import type { Edit, Proposal } from "../../ConfigAccess.ts"
import { configPath } from "../../configPath.ts"
import { usage } from "../../Failure.ts"
import { readInput } from "../../readInput.ts"
import { valueArgument } from "../../valueArgument.ts"
import { withConfig } from "../../withConfig.ts"
import { printPlan } from "./printPlan.ts"

interface Input {
  readonly words: ReadonlyArray<string>
  readonly unset: ReadonlyArray<string>
  readonly asText: boolean
}

export const plan = Effect.fnUntraced(function* (input: Input) {
  const { name, proposal } = yield* proposalOf(input)
  return yield* withConfig("read", (access) => printPlan(access, proposal, name))
})

const proposalOf = Effect.fnUntraced(function* ({ asText, unset, words }: Input) {
  const [file] = words
  if (words.length === 1 && unset.length === 0 && file !== undefined) {
    const { name, text } = yield* readInput(file)
    const proposal: Proposal = { text }
    return { proposal, name }
  }
  if (words.length % 2 === 1) {
    return yield* usage("a value is missing: paths and values come in pairs", "see `signalbox config plan --help`")
  }
  const edits: Array<Edit> = []
  for (let index = 0; index < words.length; index += 2) {
    const value = yield* valueArgument(words[index + 1] ?? "", { asText })
    edits.push({ path: yield* configPath(words[index] ?? ""), value: value as Schema.Json })
  }
  for (const path of unset) edits.push({ path: yield* configPath(path), remove: true })
  if (edits.length === 0) {
    return yield* usage("there is nothing to plan", "name a path and a value, a file, or --unset PATH")
  }
  const proposal: Proposal = { edits }
  return { proposal, name: undefined }
})
