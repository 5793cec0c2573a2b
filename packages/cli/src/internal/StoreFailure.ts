/** What a ConfigStore answers instead of what was asked for, as failures of a command. */
import type { ConfigStoreError, Problem } from "@signalbox/core/ConfigError"
import { useShortNames } from "@signalbox/server/HostEnvironment"
import { moved, refused, unchanged } from "./ConfigFailure.ts"
import { type Failure, failed, inSentences } from "./Failure.ts"
import { line } from "./TextFormat.ts"

export const fromStore = (error: ConfigStoreError): Failure => {
  const { reason } = error
  const [message, hint] = inSentences(line(error.message))
  switch (reason._tag) {
    case "Rejected":
      return refused(asWritten(reason.problems), reason.source)
    case "Conflict":
      return moved(reason.actual)
    case "Unconfirmed":
      return failed("unconfirmed", message, hint)
    case "SourceUnavailable":
      return failed(full.has(reason.code) ? "storage-full" : "unavailable", message, hint, {
        details: { code: reason.code, path: reason.path },
      })
    case "Busy":
      return failed("busy", message, hint)
    case "NothingBefore":
    case "SecretNotKept":
      return unchanged(message, hint)
    case "NotKept":
      return failed("not-found", message, hint)
  }
}

/** Variables under the names that they were set by. */
export const asWritten = (problems: ReadonlyArray<Problem>): ReadonlyArray<Problem> =>
  problems.map((problem) => ({ ...problem, message: useShortNames(problem.message, process.env) }))

const full = new Set(["ENOSPC", "EDQUOT"])
