/** The usage ledger: whether its lines are whole. */
import { statSync } from "node:fs"
import { foreignLinesPath } from "@signalbox/node/NodeSegmentStorage"
import { Effect } from "effect"
import type { Where } from "../../ConfigAccess.ts"
import { codeOf } from "../../errorCode.ts"
import type { Failure } from "../../Failure.ts"
import { type Finding, note, ok, problem } from "./Check.ts"

const dayMinutes = 1440

export const ledgerFindings = (at: Where): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.gen(function* () {
    const { snapshotOf } = yield* Effect.promise(() => import("../ledgerSnapshot.ts"))
    const { foreignLines, newerLines, totals } = yield* snapshotOf(at, dayMinutes)
    return [
      foreignLines > 0
        ? problem(
            "ledger",
            `${foreignLines} lines of the last day are damaged or not ours: they are left out`,
            "nothing to do if a process was killed; else find out what else writes there",
          )
        : ok("ledger", `${totals.requests} calls in the last day, every line whole`),
      ...(newerLines > 0
        ? [note("ledger", `${newerLines} lines are of a newer Signalbox and left out`, "update this one")]
        : []),
      ...aside(foreignLinesPath(at.place.ledger)),
    ]
  }).pipe(Effect.catch((failure) => Effect.succeed([unusable(failure)])))

/** A hint to ask doctor is none here. */
const unusable = ({ message }: Failure) =>
  problem("ledger", message, "see that it is a directory, and that this user may read and write there")

const aside = (path: string): ReadonlyArray<Finding> => {
  try {
    const { size } = statSync(path)
    return size === 0
      ? []
      : [note("ledger", `${path} holds ${size} bytes of lines that were set aside`, "look at it, and remove it")]
  } catch (error) {
    return codeOf(error) === "ENOENT"
      ? []
      : [problem("ledger", `${path} cannot be looked at (${codeOf(error)})`, "give this user the right to")]
  }
}
