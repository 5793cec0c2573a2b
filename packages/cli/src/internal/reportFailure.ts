/** How an invocation that did not work is told: on standard error, one line and a hint, or a problem as JSON. */
import { writeSync } from "node:fs"
import { format } from "@signalbox/core/ConfigError"
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { Cause, Effect } from "effect"
import type * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import type { HelpDoc } from "effect/cli/HelpDoc"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import { ofDefect } from "./Answers.ts"
import { Failure, failed, problemOf, usage } from "./Failure.ts"
import { paintErrors, printOrDie } from "./Print.ts"
import { line } from "./TextFormat.ts"

/** Whether a global switch was given: asked of the words themselves, because they may be what is wrong. */
export const given = (args: ReadonlyArray<string>, flag: string): boolean => {
  const end = args.indexOf("--")
  return args.slice(0, end === -1 ? args.length : end).includes(flag)
}

export const isVerbose = (args: ReadonlyArray<string>): boolean =>
  given(args, "--verbose") || (process.env["SIGNALBOX_DEBUG"] ?? "") !== ""

/** Writes a failure to standard error. */
export const tell = (args: ReadonlyArray<string>, failure: Failure): void => {
  if (given(args, "--json")) {
    complain(JSON.stringify(problemOf(failure)))
    return
  }
  const paint = paintErrors()
  const shown = (failure.problems ?? []).slice(0, maxProblems)
  const more = (failure.problems?.length ?? 0) - shown.length
  const places = [
    ...shown.map((problem) => `  ${line(format(failure.source ?? "config", problem))}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ]
  const hint = failure.hint === undefined ? [] : [`${paint.yellow("hint:")} ${line(failure.hint)}`]
  const said = [`${paint.red("signalbox:")} ${line(failure.message)}`, ...places, ...hint]
  complain(said.join("\n"))
}

/** At once: the process may end with it, and a stream may write later. */
export const complain = (text: string): void => {
  try {
    writeSync(2, `${text}\n`)
  } catch {
    // Nobody reads it, or not now: the stream waits for the latter.
    process.stderr.write(`${text}\n`)
  }
}

// A terminal is not a file; --json has all of them.
const maxProblems = 20

/** Whatever a command failed with. */
export const failureOf = (cause: Cause.Cause<unknown>): Failure => {
  const error = Cause.squash(cause)
  if (error instanceof Failure) return error
  const answer = ofDefect(error)
  if (answer !== undefined) return answer
  return failed(
    "bug",
    `this should not have happened: ${error instanceof Error ? error.message : String(error)}`,
    "run it again with --verbose, and report what it says",
  )
}

/** Help on standard output when it was asked for; else what was wrong with the words. */
export const presenter = (args: ReadonlyArray<string>): CliOutput.Presenter => ({
  present: (event) => {
    switch (event._tag) {
      case "Help":
        if (event.reason === "Requested") {
          return Effect.flatMap(TerminalCapabilities, ({ canColor }) =>
            printOrDie(CliOutput.defaultFormatter({ colors: canColor }).formatHelpDoc(event.helpDoc)),
          )
        }
        return Effect.sync(() =>
          tell(args, usage(`${event.commandPath.join(" ")} needs a command`, helpOf(event.commandPath))),
        )
      case "Version":
        return printOrDie(`${event.name} ${event.version}`)
      case "InvalidInvocation":
        return Effect.sync(() =>
          tell(
            args,
            usage(event.errors.map((error) => sentence(error, event.helpDoc)).join("; "), helpOf(event.commandPath)),
          ),
        )
    }
  },
})

const helpOf = (path: ReadonlyArray<string>): string => `see \`${path.join(" ")} --help\``

const sentence = (error: CliError.NonShowHelpErrors, help: HelpDoc): string => {
  switch (error._tag) {
    case "UnrecognizedOption":
      return `there is no flag ${error.option}${didYouMean(nearNames(error.option, flagsOf(help)))}`
    case "UnknownSubcommand":
      return `there is no command ${JSON.stringify(error.subcommand)}${didYouMean(error.suggestions)}`
    default:
      return error.message
  }
}

/** Those of the command and those that every command takes. */
const flagsOf = ({ flags, globalFlags = [], inheritedFlags = [] }: HelpDoc): ReadonlyArray<string> =>
  [...flags, ...globalFlags, ...inheritedFlags].map(({ name }) => (name.startsWith("-") ? name : `--${name}`))
