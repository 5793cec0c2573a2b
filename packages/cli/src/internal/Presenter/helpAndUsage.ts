/** Help, and usage errors: the flag or argument, what it takes, and how the command is written. */
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { Effect } from "effect"
import type * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import type { HelpDoc } from "effect/cli/HelpDoc"
import { usage } from "../Failure.ts"
import { printOrDie, stdoutHasColors } from "../Print.ts"
import { printFailure } from "../reportFailure.ts"

type Event = Parameters<CliOutput.Presenter["present"]>[0]

/** A group of commands without a command prints its help, as with `--help`. */
export const present = (
  args: ReadonlyArray<string>,
  event: Exclude<Event, { readonly _tag: "Version" }>,
): Effect.Effect<void> => {
  if (event._tag === "Help") {
    return printOrDie(CliOutput.defaultFormatter({ colors: stdoutHasColors() }).formatHelpDoc(event.helpDoc))
  }
  const name = event.commandPath.join(" ")
  const message = event.errors.map((error) => usageMessage(error, name, event.helpDoc)).join("; ")
  const isWritten = event.errors.every(({ _tag }) => _tag === "MissingArgument" || _tag === "UnexpectedArgument")
  const hint = isWritten ? `write \`${event.helpDoc.usage.replace(" [flags]", "")}\`` : `see \`${name} --help\``
  return Effect.sync(() => printFailure(args, usage(message, hint)))
}

const usageMessage = (error: CliError.NonShowHelpErrors, command: string, help: HelpDoc): string => {
  switch (error._tag) {
    case "UnrecognizedOption":
      return `there is no flag ${error.option}${didYouMean(nearNames(error.option, flagsOf(help)))}`
    case "UnknownSubcommand":
      return `there is no command ${JSON.stringify(error.subcommand)}${didYouMean(error.suggestions)}`
    case "MissingArgument":
      return `${command} needs <${error.argument}>`
    case "UnexpectedArgument":
      return `${command} does not take ${error.arguments.map((word) => JSON.stringify(word)).join(" ")}`
    case "MissingOption":
      return `${command} needs --${error.option}`
    case "InvalidValue":
      return invalidValue(error)
    default:
      return error.message
  }
}

const invalidValue = ({ expected, kind, option, value }: CliError.InvalidValue): string => {
  const name = kind === "flag" ? `--${option}` : `<${option}>`
  if (/^\d+ occurrences$/.test(value)) return `${name} may occur only once`
  if (expected.startsWith('Expected "true"')) return `${name} takes no value`
  const takes = expected
    .replace(/^Expected:? /, "")
    .replaceAll('"', "")
    .replaceAll(" | ", " or ")
  return value === "" ? `${name} needs a value: ${takes}` : `${name} takes ${takes}, not ${JSON.stringify(value)}`
}

const flagsOf = ({ flags, globalFlags = [], inheritedFlags = [] }: HelpDoc): ReadonlyArray<string> =>
  [...flags, ...globalFlags, ...inheritedFlags].map(({ name }) => (name.startsWith("-") ? name : `--${name}`))
