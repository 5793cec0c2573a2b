/**
 * The status of the document at the source, and the reports of refusals. The same document, or the same change, with the same problems is
 * reported once.
 */
import { Effect, Latch } from "effect"
import { type Problem, Rejected } from "../../ConfigError.ts"
import { ConfigRestored, maxPlaces, type Origin } from "../../ConfigEvents.ts"
import type { AnyEvent } from "../../Event.ts"
import { rejectedEvent } from "./Reports.ts"
import { type Dependencies, hashOf, type Refused, type SourceStatus } from "./State.ts"

export interface Refusals {
  readonly status: SourceStatus
  /** Open while the document cannot be read. */
  readonly unreadable: Latch.Latch
  /** Reports that a change was refused. */
  readonly refuseChange: (
    origin: Origin,
    hash: string | undefined,
    problems: ReadonlyArray<Problem>,
  ) => Effect.Effect<never, Rejected>
  /** Reports that the document at the source is refused, and remembers it as its status. */
  readonly refuseDocument: (origin: Origin, refused: Refused) => Effect.Effect<never, Rejected>
  /** A change was accepted: the next refused change is reported even if an earlier one was refused for the same reason. */
  readonly acceptChange: () => void
  /** The document at the source is in force. Returns whether it was refused until now. */
  readonly acceptDocument: () => boolean
}

/** `revision`: the one in force. */
export const makeRefusals = <C>(
  { bus, source }: Dependencies<C>,
  initial: SourceStatus,
  revision: () => number,
): Refusals => {
  let status = initial
  let reportedDocument = status._tag === "InForce" ? undefined : fingerprint(hashOf(status), status.problems)
  let reportedChange: string | undefined
  const unreadable = Latch.makeUnsafe(status._tag === "Unreadable")

  const setStatus = (next: SourceStatus): void => {
    status = next
    if (next._tag === "Unreadable") unreadable.openUnsafe()
    else unreadable.closeUnsafe()
  }

  const reject = (
    origin: Origin,
    hash: string | undefined,
    problems: ReadonlyArray<Problem>,
    isReported: boolean,
  ): Effect.Effect<never, Rejected> => {
    const rejected = Effect.fail(new Rejected({ problems: problems.slice(0, maxPlaces), source: source.name }))
    if (isReported) return rejected
    return Effect.andThen(bus.publish(rejectedEvent(origin, hash, problems), { revision: revision() }), rejected)
  }

  return {
    get status() {
      return status
    },
    unreadable,
    refuseChange: (origin, hash, problems) =>
      Effect.suspend(() => {
        const key = fingerprint(hash, problems)
        const isReported = reportedChange === key
        reportedChange = key
        return reject(origin, hash, problems, isReported)
      }),
    refuseDocument: (origin, refused) =>
      Effect.suspend(() => {
        const hash = hashOf(refused)
        const key = fingerprint(hash, refused.problems)
        const isReported = reportedDocument === key
        reportedDocument = key
        setStatus({ ...refused, problems: refused.problems.slice(0, maxPlaces) })
        return reject(origin, hash, refused.problems, isReported)
      }),
    acceptChange: () => {
      reportedChange = undefined
    },
    acceptDocument: () => {
      const wasRefused = status._tag !== "InForce"
      setStatus({ _tag: "InForce" })
      reportedDocument = undefined
      return wasRefused
    },
  }
}

export const restoredEvents = (wasRefused: boolean, hash: string, origin: Origin): ReadonlyArray<AnyEvent> =>
  wasRefused ? [new ConfigRestored({ hash, origin })] : []

const fingerprint = (hash: string | undefined, problems: ReadonlyArray<Problem>): string =>
  JSON.stringify([hash, problems.slice(0, maxPlaces)])
