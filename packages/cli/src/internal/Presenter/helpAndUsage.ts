/** Help, and what is wrong with the words of a command line. */
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { Effect } from "effect"
import type * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import type { HelpDoc } from "effect/cli/HelpDoc"
import { usage } from "../Failure.ts"
import { printOrDie, stdoutHasColors } from "../Print.ts"
import { printFailure } from "../reportFailure.ts"

type Event = Parameters<CliOutput.Presenter["present"]>[0]

export const present = (
  args: ReadonlyArray<string>,
  event: Exclude<Event, { readonly _tag: "Version" }>,
): Effect.Effect<void> => {
  if (event._tag === "InvalidInvocation") {
    const message = event.errors.map((error) => messageOf(error, event.helpDoc)).join("; ")
    return Effect.sync(() => printFailure(args, usage(message, helpHint(event.commandPath))))
  }
  if (event.reason === "Requested") {
    return printOrDie(CliOutput.defaultFormatter({ colors: stdoutHasColors() }).formatHelpDoc(event.helpDoc))
  }
  const message = `${event.commandPath.join(" ")} needs a command`
  return Effect.sync(() => printFailure(args, usage(message, helpHint(event.commandPath))))
}

const helpHint = (path: ReadonlyArray<string>): string => `see \`${path.join(" ")} --help\``

const messageOf = (error: CliError.NonShowHelpErrors, help: HelpDoc): string => {
  switch (error._tag) {
    case "UnrecognizedOption":
      return `there is no flag ${error.option}${didYouMean(nearNames(error.option, flagsOf(help)))}`
    case "UnknownSubcommand":
      return `there is no command ${JSON.stringify(error.subcommand)}${didYouMean(error.suggestions)}`
    default:
      return error.message
  }
}

const flagsOf = ({ flags, globalFlags = [], inheritedFlags = [] }: HelpDoc): ReadonlyArray<string> =>
  [...flags, ...globalFlags, ...inheritedFlags].map(({ name }) => (name.startsWith("-") ? name : `--${name}`))
