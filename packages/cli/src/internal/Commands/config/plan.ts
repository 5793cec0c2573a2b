/** `config plan`: the effects of pairs of a path and a value, or of a whole document in a file. */
import { existsSync } from "node:fs"
import { Effect, type Schema } from "effect"
import type { Edit } from "../../ConfigAccess.ts"
import { checkPath, configPath } from "../../configPath.ts"
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
  const [word] = input.words
  if (word !== undefined && input.words.length === 1 && input.unset.length === 0) {
    // A file of this name takes precedence, so that every file can be named.
    if (isPath(word)) return yield* valueMissing(word)
    const { name, text } = yield* readInput(word)
    return yield* withConfig("read", (access) => printPlan(access, { text }, name))
  }
  const values = yield* valuesOf(input)
  yield* withConfig("read", (access) =>
    Effect.gen(function* () {
      const { effective } = yield* access.state
      const edits: Array<Edit> = []
      for (const [path, value] of values) edits.push({ path: yield* configPath(path, effective), value })
      for (const path of input.unset) edits.push({ path: yield* configPath(path, effective), remove: true })
      yield* printPlan(access, { edits }, undefined)
    }),
  )
})

const isPath = (word: string): boolean =>
  word !== "-" && !word.includes("/") && !/\.jsonc?$/.test(word) && !existsSync(word)

const valueMissing = (path: string) =>
  Effect.fail(
    usage(
      `a value is missing: paths and values come in pairs, and there is no file ${JSON.stringify(path)}`,
      "write `signalbox config plan <path> <value>`, --unset PATH, or the name of a file",
    ),
  )

const valuesOf = Effect.fnUntraced(function* ({ asText, unset, words }: Input) {
  if (words.length % 2 === 1) {
    return yield* usage("a value is missing: paths and values come in pairs", "see `signalbox config plan --help`")
  }
  if (words.length + unset.length === 0) {
    return yield* usage("there is nothing to plan", "name a path and a value, a file, or --unset PATH")
  }
  const values: Array<readonly [path: string, value: Schema.Json]> = []
  for (let index = 0; index < words.length; index += 2) {
    const path = words[index] ?? ""
    yield* checkPath(path)
    const value = yield* valueArgument(words[index + 1] ?? "", { asText, name: path })
    values.push([path, value as Schema.Json])
  }
  return values
})
