/** Reports a failed command on standard error: a sentence and a hint, or with `--json` a problem as JSON. */
import { writeSync } from "node:fs"
import { dotted } from "@signalbox/core/ChangeSummary"
import { format, type Problem } from "@signalbox/core/ConfigError"
import { visibleJson } from "@signalbox/core/VisibleText"
import { Cause } from "effect"
import type { ShowHelp } from "effect/cli/CliError"
import { exitCodes, Failure, failed, problemOf } from "./Failure.ts"
import { hasFlag, isVerbose } from "./hasFlag.ts"
import { stderrColors } from "./Print.ts"
import { replacedProgram } from "./ReplacedProgram.ts"
import { escapeLine } from "./TextFormat.ts"

/** Reports why a command failed and returns the exit code. */
export const reportFailure = (args: ReadonlyArray<string>, cause: Cause.Cause<unknown>): number => {
  const error = Cause.squash(cause)
  // The presenter has already printed the help, or reported the usage errors.
  if (isShowHelp(error)) return error.errors.length === 0 ? 0 : exitCodes.usage
  const failure = failureOf(cause)
  printFailure(args, failure)
  if (isVerbose(args)) writeError(Cause.pretty(cause))
  return failure.exitCode
}

const isShowHelp = (error: unknown): error is ShowHelp =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "ShowHelp"

export const failureOf = (cause: Cause.Cause<unknown>): Failure => {
  const error = Cause.squash(cause)
  if (error instanceof Failure) return error
  if (isSystemError(error)) {
    const at = typeof error.path === "string" ? ` of ${error.path}` : ""
    return failed(
      "system",
      `the operating system refused ${error.syscall}${at} (${error.code})`,
      "check the disk, then try again",
    )
  }
  if (error instanceof Error && error.message === replacedProgram) return failed("replaced", replacedProgram)
  return failed(
    "bug",
    `unexpected error: ${error instanceof Error ? error.message : String(error)}`,
    "this is a bug: run the command again with --verbose, and report what it prints",
  )
}

/** An error of a system call is not a bug of this program. */
const isSystemError = (error: unknown): error is NodeJS.ErrnoException & { readonly syscall: string } =>
  error instanceof Error && "code" in error && "syscall" in error && typeof error.syscall === "string"

// --json prints all of them.
const maxProblems = 20

export const printFailure = (args: ReadonlyArray<string>, failure: Failure): void => {
  if (hasFlag(args, "--json")) {
    writeError(visibleJson(problemOf(failure)))
    return
  }
  const colors = stderrColors()
  const problems = (failure.problems ?? []).slice(0, maxProblems)
  const more = (failure.problems?.length ?? 0) - problems.length
  const lines = [
    `${colors.red("signalbox:")} ${escapeLine(failure.message)}`,
    ...problems.map((problem) => `  ${escapeLine(problemLine(problem, failure.source))}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
    ...(failure.hint === undefined ? [] : [`${colors.yellow("hint:")} ${escapeLine(failure.hint)}`]),
  ]
  writeError(lines.join("\n"))
}

/** In a text that the user has, a position; else the path alone. */
export const problemLine = (problem: Problem, source: string | undefined): string => {
  if (source !== undefined) return format(source, problem)
  const { by, message, path } = problem
  const name = dotted(path)
  // A message about an unknown key names it already.
  return message.includes(JSON.stringify(name)) ? message : format(name, { by, path: "", message })
}

/** Writes synchronously, because the process may end right afterwards. */
const writeError = (text: string): void => {
  try {
    writeSync(2, `${text}\n`)
  } catch {
    // A closed or busy pipe: the stream waits for a busy one.
    process.stderr.write(`${text}\n`)
  }
}
