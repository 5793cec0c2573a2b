/**
 * `doctor`: what is wrong with this installation, and what to do. It looks and changes nothing; each finding stands for itself, so that one
 * that cannot be made does not hide the others. Ends with 1 where something is wrong.
 */
import { type Cause, Effect, Logger } from "effect"
import { type Where, where } from "./Access.ts"
import { documentFindings } from "./Doctor/document.ts"
import { type Finding, problem } from "./Doctor/Finding.ts"
import { fileFindings } from "./Doctor/files.ts"
import { hostFindings } from "./Doctor/host.ts"
import { ledgerFindings } from "./Doctor/ledger.ts"
import { systemFindings } from "./Doctor/system.ts"
import { failureOf } from "./Ending.ts"
import { type Failure, failed } from "./Failure.ts"
import { answer, type Paint, whileWaiting } from "./Output.ts"
import { counted, line } from "./Shown.ts"

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
