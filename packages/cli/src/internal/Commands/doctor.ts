/**
 * `doctor`: what is wrong with this installation, and what to do. It looks and changes nothing; each finding stands for itself, so that one
 * that cannot be made does not hide the others. Ends with 1 where something is wrong.
 */
import { type Cause, Effect, Logger } from "effect"
import { type Where, where } from "../ConfigAccess.ts"
import { type Failure, failed } from "../Failure.ts"
import { answer, type Paint, whileWaiting } from "../Print.ts"
import { failureOf } from "../reportFailure.ts"
import { counted, line } from "../TextFormat.ts"
import { type Finding, problem } from "./doctor/Check.ts"
import { documentFindings } from "./doctor/documentChecks.ts"
import { fileFindings } from "./doctor/fileChecks.ts"
import { hostFindings } from "./doctor/hostChecks.ts"
import { ledgerFindings } from "./doctor/ledgerChecks.ts"
import { systemFindings } from "./doctor/systemChecks.ts"

export const doctor = Effect.gen(function* () {
  const at = yield* where
  const findings = yield* look(at).pipe(whileWaiting("looking"))
  const problems = findings.filter(({ state }) => state === "problem").length
  yield* answer({ healthy: problems === 0, findings }, (paint) => text(findings, paint))
  if (problems > 0) return yield* failed("unhealthy", `${counted(problems, "problem")} found`)
})

type Check = (at: Where) => Effect.Effect<ReadonlyArray<Finding>, Failure>

const checks: ReadonlyArray<readonly [name: string, check: Check]> = [
  ["system", systemFindings],
  ["files", fileFindings],
  ["document", documentFindings],
  ["host", hostFindings],
  ["ledger", ledgerFindings],
]

const look = (at: Where): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.map(
    Effect.forEach(checks, ([name, check]) =>
      Effect.catchCause(check(at), (cause) => Effect.succeed([unmade(name, cause)])),
    ),
    (found) => once(found.flat()),
  ).pipe(
    // What is logged on the way is what is found.
    Effect.provide(Logger.layer([])),
  )

/** A host and the files may tell of the same thing. */
const once = (findings: ReadonlyArray<Finding>): ReadonlyArray<Finding> =>
  findings.filter(({ message }, index) => findings.findIndex((other) => other.message === message) === index)

const unmade = (name: string, cause: Cause.Cause<Failure>): Finding => {
  const { hint, message } = failureOf(cause)
  return problem(name, message, hint ?? "this could not be looked at; with --verbose it says why")
}

const text = (findings: ReadonlyArray<Finding>, paint: Paint): string => {
  const marks = { ok: paint.green("ok     "), note: paint.yellow("note   "), problem: paint.red("PROBLEM") }
  return findings
    .flatMap(({ advice, check, message, state }) => [
      `${marks[state]}  ${check.padEnd(12)}  ${line(message)}`,
      ...(advice === undefined ? [] : [`${" ".repeat(23)}→ ${line(advice)}`]),
    ])
    .join("\n")
}
