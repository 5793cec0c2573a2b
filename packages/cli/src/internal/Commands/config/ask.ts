/** Asks a question on the terminal. The answer is a choice or the beginning of one; the end of input and Ctrl-C take the last choice. */
import { createInterface } from "node:readline"
import { Effect } from "effect"
import { stderrColors } from "../../Print.ts"

export const ask = <const Choice extends string>(
  question: string,
  choices: readonly [Choice, ...Array<Choice>],
): Effect.Effect<Choice> =>
  Effect.callback<Choice>((resume) => {
    const terminal = createInterface({ input: process.stdin, output: process.stderr })
    const end = (choice: Choice) => {
      terminal.off("close", takeLast)
      terminal.close()
      resume(Effect.succeed(choice))
    }
    const takeLast = () => {
      process.stderr.write("\n")
      resume(Effect.succeed(choices.at(-1) ?? choices[0]))
    }
    terminal.setPrompt(`${stderrColors().bold(question)} (${choices.join("/")}) `)
    terminal.prompt()
    terminal.on("line", (answer) => {
      const word = answer.trim().toLowerCase()
      const choice = word === "" ? undefined : choices.find((choice) => choice.startsWith(word))
      if (choice === undefined) terminal.prompt()
      else end(choice)
    })
    terminal.once("SIGINT", () => terminal.close())
    terminal.once("close", takeLast)
    return Effect.sync(() => terminal.close())
  })
