/** `help`: finds the command that the words name. effect/cli prints its help. */
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { Effect } from "effect"
import type * as Command from "effect/cli/Command"
import { type Failure, usage } from "./Failure.ts"

type Commands = ReadonlyArray<Command.Command.Any>

export const requireCommand = (commands: Commands, words: ReadonlyArray<string>): Effect.Effect<void, Failure> => {
  let known = commands
  for (const [index, word] of words.entries()) {
    const found = known.find(({ name }) => name === word)
    if (found === undefined) {
      const path = ["signalbox", ...words.slice(0, index)].join(" ")
      const near = didYouMean(
        nearNames(
          word,
          known.map(({ name }) => name),
        ),
      )
      return Effect.fail(usage(`${path} has no command ${JSON.stringify(word)}${near}`, `see \`${path} --help\``))
    }
    known = found.subcommands.flatMap((group): Commands => group.commands)
  }
  return Effect.void
}
