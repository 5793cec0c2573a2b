/** Prints what a proposal would do. Fails when it would be refused; `name` is the source of the proposal in the message. */
import { Effect } from "effect"
import type { ConfigAccess, Proposal } from "../../ConfigAccess.ts"
import { rejected } from "../../ConfigFailure.ts"
import { printResult } from "../../Print.ts"
import { planLines } from "./changeReport.ts"

export const printPlan = Effect.fnUntraced(function* (
  access: ConfigAccess,
  proposal: Proposal,
  name: string | undefined,
) {
  const plan = yield* access.plan(proposal)
  if (plan.problems.length > 0) return yield* rejected(plan.problems, name)
  yield* printResult({ ...plan, checked: access.host === undefined ? "schema" : "services" }, (colors) =>
    planLines(access, plan, colors).join("\n"),
  )
})
