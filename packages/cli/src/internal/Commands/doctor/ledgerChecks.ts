/** Checks the usage ledger: whether its lines are complete. */
import { statSync } from "node:fs"
import { foreignLinesPath } from "@signalbox/node/NodeSegmentStorage"
import { Effect } from "effect"
import { errorCode } from "../../errorCode.ts"
import type { Failure } from "../../Failure.ts"
import type { Target } from "../../Target.ts"
import { ledgerSnapshot } from "../ledgerSnapshot.ts"
import { type CheckResult, note, ok, problem } from "./CheckResult.ts"

const dayMinutes = 1440

export const ledgerChecks = (target: Target): Effect.Effect<ReadonlyArray<CheckResult>> =>
  Effect.gen(function* () {
    const { foreignLines, newerLines, totals } = yield* ledgerSnapshot(target, dayMinutes)
    return [
      foreignLines > 0
        ? problem(
            "ledger",
            `${foreignLines} lines of the last day are damaged or foreign, and left out`,
            "expected after a killed process; otherwise find out what else writes there",
          )
        : ok("ledger", `${totals.requests} calls in the last day, all lines complete`),
      ...(newerLines > 0
        ? [note("ledger", `${newerLines} lines of a newer Signalbox are left out`, "update this one")]
        : []),
      ...damagedFileCheck(foreignLinesPath(target.paths.ledger)),
    ]
  }).pipe(Effect.catch((failure) => Effect.succeed([unusable(failure)])))

/** The failure's own hint is to run `doctor`. */
const unusable = ({ message }: Failure) =>
  problem("ledger", message, "make sure that it is a directory, and that this user may read and write there")

const damagedFileCheck = (path: string): ReadonlyArray<CheckResult> => {
  try {
    const { size } = statSync(path)
    return size === 0
      ? []
      : [note("ledger", `${path} holds ${size} bytes of damaged lines`, "look at the file, then remove it")]
  } catch (error) {
    return errorCode(error) === "ENOENT"
      ? []
      : [problem("ledger", `${path} cannot be read (${errorCode(error)})`, "give this user the right to read it")]
  }
}
