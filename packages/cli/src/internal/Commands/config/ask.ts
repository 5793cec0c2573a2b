/** A question on the terminal, answered by a line: the word or its first letter. The end of input is the last choice. */
import { createInterface } from "node:readline"
import { Effect } from "effect"
import { paintErrors } from "../../Print.ts"

export const ask = <const Choice extends string>(
  question: string,
  choices: readonly [Choice, ...Array<Choice>],
): Effect.Effect<Choice> =>
  Effect.callback<Choice>((resume) => {
    const terminal = createInterface({ input: process.stdin, output: process.stderr })
    const end = (choice: Choice) => {
      // Before it closes, which is an answer too.
      terminal.off("close", refuse)
      terminal.close()
      resume(Effect.succeed(choice))
    }
    const refuse = () => {
      process.stderr.write("\n")
      resume(Effect.succeed(choices.at(-1) ?? choices[0]))
    }
    terminal.setPrompt(`${paintErrors().bold(question)} (${choices.join("/")}) `)
    terminal.prompt()
    terminal.on("line", (said) => {
      const word = said.trim().toLowerCase()
      const chosen = word === "" ? undefined : choices.find((choice) => choice.startsWith(word))
      if (chosen === undefined) terminal.prompt()
      else end(chosen)
    })
    // Ctrl-C and the end of input: no. Neither ends the line of the question.
    terminal.once("SIGINT", () => terminal.close())
    terminal.once("close", refuse)
    return Effect.sync(() => terminal.close())
  })
