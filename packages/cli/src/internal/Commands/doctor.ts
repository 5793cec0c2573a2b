/**
 * `doctor`: checks this installation and advises what to do. It changes nothing. A check that fails to run becomes a problem itself and does not hide the
 * others. Exits with 1 when there are problems.
 */
import { type Cause, Effect, Logger } from "effect"
import { type Failure, failed } from "../Failure.ts"
import { type Colors, printResult, withSpinner } from "../Print.ts"
import { failureOf } from "../reportFailure.ts"
import { localTarget, type Target } from "../Target.ts"
import { escapeLine, plural } from "../TextFormat.ts"
import { type CheckResult, problem } from "./doctor/CheckResult.ts"
import { documentChecks } from "./doctor/documentChecks.ts"
import { fileChecks } from "./doctor/fileChecks.ts"
import { hostChecks } from "./doctor/hostChecks.ts"
import { ledgerChecks } from "./doctor/ledgerChecks.ts"
import { systemChecks } from "./doctor/systemChecks.ts"

export const doctor = Effect.gen(function* () {
  const results = yield* runChecks(yield* localTarget("check an installation")).pipe(withSpinner("checking"))
  const problems = results.filter(({ state }) => state === "problem").length
  yield* printResult({ healthy: problems === 0, findings: results }, (colors) => text(results, colors))
  if (problems > 0) return yield* failed("unhealthy", `${plural(problems, "problem")} found`)
})

type Checks = (target: Target) => Effect.Effect<ReadonlyArray<CheckResult>, Failure>

const allChecks: ReadonlyArray<readonly [name: string, checks: Checks]> = [
  ["system", systemChecks],
  ["files", fileChecks],
  ["document", documentChecks],
  ["host", hostChecks],
  ["ledger", ledgerChecks],
]

const runChecks = (target: Target): Effect.Effect<ReadonlyArray<CheckResult>> =>
  Effect.map(
    Effect.forEach(allChecks, ([name, checks]) =>
      Effect.catchCause(checks(target), (cause) => Effect.succeed([failedCheck(name, cause)])),
    ),
    (results) => withoutDuplicates(results.flat()),
  ).pipe(
    // The results hold what would be logged.
    Effect.provide(Logger.layer([])),
  )

/** The host and the files may report the same problem. */
const withoutDuplicates = (results: ReadonlyArray<CheckResult>): ReadonlyArray<CheckResult> =>
  results.filter(({ message }, index) => results.findIndex((other) => other.message === message) === index)

const failedCheck = (name: string, cause: Cause.Cause<Failure>): CheckResult => {
  const { hint, message } = failureOf(cause)
  return problem(name, message, hint ?? "this check did not run; --verbose shows the reason")
}

const text = (results: ReadonlyArray<CheckResult>, colors: Colors): string => {
  const marks = { ok: colors.green("ok     "), note: colors.yellow("note   "), problem: colors.red("PROBLEM") }
  return results
    .flatMap(({ advice, check, message, state }) => [
      `${marks[state]}  ${check.padEnd(12)}  ${escapeLine(message)}`,
      ...(advice === undefined ? [] : [`${" ".repeat(23)}→ ${escapeLine(advice)}`]),
    ])
    .join("\n")
}
