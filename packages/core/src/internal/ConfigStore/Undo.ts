/** Which documents come before the one in force, as the history tells it. */

import type { HistoryEntry } from "../../ConfigSource.ts"
import { wasInForce } from "../HistoryBounds.ts"

/** A document that was in force, and where the last step back to it was made, how it stands since: with the secrets of then. */
interface Step {
  readonly hash: string
  readonly standing: string
}

/**
 * The hashes to go back to, nearest first. `entries` is the history, newest first. A step back is an entry of its own there, which takes back
 * what came after the entry it names; a document that somebody has set back by hand comes after all that was in force before. One that never was
 * in force is none to go back to.
 */
export const predecessors = (
  entries: ReadonlyArray<Pick<HistoryEntry, "hash" | "backTo" | "neverInForce">>,
  current: string,
): ReadonlyArray<string> => {
  const steps: Array<Step> = []
  for (const { backTo, hash } of entries.filter(wasInForce).toReversed()) {
    if (backTo === undefined) {
      if (steps.at(-1)?.standing !== hash) steps.push({ hash, standing: hash })
      continue
    }
    const place = steps.findLastIndex((step) => step.hash.startsWith(backTo))
    // What it went back to may have been swept: then nothing is left from before it.
    const target = steps[place]?.hash ?? hash
    steps.splice(Math.max(0, place))
    steps.push({ hash: target, standing: hash })
  }
  const place = steps.findLastIndex(({ standing }) => standing === current)
  return place < 0
    ? []
    : steps
        .slice(0, place)
        .map(({ hash }) => hash)
        .reverse()
}
