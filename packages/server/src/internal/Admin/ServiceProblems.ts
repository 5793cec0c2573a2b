/** Maps errors of the services to problems of the contract, with the same message and data. */
import * as Problems from "@signalbox/api/Problems"
import type { ConfigStoreError } from "@signalbox/core/ConfigError"
import type { CredentialsError } from "@signalbox/core/Credentials"
import type { SegmentsUnavailable } from "@signalbox/core/SegmentStorage"
import { Effect } from "effect"

type HistoryProblem = Problems.NotFound | Problems.Rejected | Problems.Unavailable
type ConfigProblem = (typeof Problems.ConfigProblems)[number]["Type"]

const isFull = (code: string): boolean => code === "ENOSPC" || code === "EDQUOT"

const unavailable = (detail: string, code: string, path: string) =>
  isFull(code) ? new Problems.StorageFull({ detail, code, path }) : new Problems.Unavailable({ detail, code, path })

/** For changes of the configuration. With a precondition, a conflict means that it failed. */
export const mapChangeErrors =
  (ifHash?: string) =>
  <A>(effect: Effect.Effect<A, ConfigStoreError>): Effect.Effect<A, ConfigProblem> =>
    Effect.catch(effect, (error): Effect.Effect<never, ConfigProblem> => {
      const { message: detail, reason } = error
      switch (reason._tag) {
        case "Rejected":
          return new Problems.Rejected({ detail, problems: reason.problems })
        case "Conflict":
          return ifHash === undefined
            ? new Problems.Conflict({ detail, actual: reason.actual })
            : new Problems.Stale({ detail, expected: reason.expected, actual: reason.actual })
        case "Unconfirmed":
          return new Problems.Unconfirmed({ detail, path: reason.path })
        case "SourceUnavailable":
          return unavailable(detail, reason.code, reason.path)
        case "Busy":
          return new Problems.Busy({ detail })
        case "NothingBefore":
        case "SecretNotKept":
          return new Problems.Conflict({ detail })
        // Only reads of the history fail with it.
        case "NotKept":
          return Effect.die(error)
      }
    })

/** For reads of the history, which neither write nor wait for a lock. */
export const mapHistoryErrors = <A>(effect: Effect.Effect<A, ConfigStoreError>): Effect.Effect<A, HistoryProblem> =>
  Effect.catch(effect, (error): Effect.Effect<never, HistoryProblem> => {
    const { message: detail, reason } = error
    switch (reason._tag) {
      case "NotKept":
        return new Problems.NotFound({ detail })
      case "Rejected":
        return new Problems.Rejected({ detail, problems: reason.problems })
      case "SourceUnavailable":
        return new Problems.Unavailable({ detail, code: reason.code, path: reason.path })
      default:
        return Effect.die(error)
    }
  })

export const credentialsProblem = ({ message: detail, reason }: CredentialsError) => {
  switch (reason._tag) {
    case "CredentialExists":
    case "CredentialsFull":
      return new Problems.Conflict({ detail })
    case "CredentialUnknown":
      return new Problems.NotFound({ detail })
    case "CredentialInvalid":
      return new Problems.Invalid({ detail })
    case "CredentialsUnconfirmed":
      return new Problems.Unconfirmed({ detail, path: reason.path })
    case "CredentialsUnavailable":
      return reason.code === "EBUSY" ? new Problems.Busy({ detail }) : unavailable(detail, reason.code, reason.path)
  }
}

export const ledgerProblem = ({ code, message: detail, storage }: SegmentsUnavailable) =>
  new Problems.Unavailable({ detail, code, path: storage })
