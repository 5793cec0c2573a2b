/** Prints what a proposal would do. Fails when it would be refused; `file` is the file that the proposal is the text of. */
import { Effect } from "effect"
import type { ConfigAccess, Proposal } from "../../ConfigAccess.ts"
import { rejectedDocument, withoutPosition } from "../../ConfigFailure.ts"
import { failed } from "../../Failure.ts"
import { printResult } from "../../Print.ts"
import { checkedBy, planLines } from "./changeReport.ts"

export const printPlan = Effect.fnUntraced(function* (
  access: ConfigAccess,
  proposal: Proposal,
  file: string | undefined,
) {
  const before = yield* access.summary
  const plan = yield* access.plan(proposal)
  if (plan.problems.length > 0) {
    return yield* file === undefined
      ? failed("rejected", "the change would be refused", "correct the value and try again", {
          problems: plan.problems.map(withoutPosition),
        })
      : rejectedDocument(plan.problems, file)
  }
  const paths = "edits" in proposal ? proposal.edits.map(({ path }) => path) : []
  const subject = file === undefined ? { paths } : { file }
  yield* printResult({ ...plan, checked: checkedBy(access) }, (colors) =>
    planLines(access, before, plan, subject, colors).join("\n"),
  )
})
