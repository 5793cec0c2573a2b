/** Turns errors of a ConfigStore into the failure of a command. */
import type { ConfigStoreError, Problem } from "@signalbox/core/ConfigError"
import { useShortNames } from "@signalbox/server/HostEnvironment"
import { rejectedDocument, stale, unchanged } from "./ConfigFailure.ts"
import { type Failure, failed, splitHint } from "./Failure.ts"
import { escapeLine } from "./TextFormat.ts"

export const storeFailure = (error: ConfigStoreError): Failure => {
  const { reason } = error
  const [message, hint] = splitHint(escapeLine(error.message))
  switch (reason._tag) {
    case "Rejected":
      return rejectedDocument(withVariableNames(reason.problems), reason.source ?? "the document")
    case "Conflict":
      return stale(reason.actual)
    case "Unconfirmed":
      return failed("unconfirmed", message, hint)
    case "SourceUnavailable":
      return failed(diskFull.has(reason.code) ? "storage-full" : "unavailable", message, hint, {
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

/** Names environment variables as the user set them: `SIGNALBOX_PORT` is short for `SIGNALBOX_LISTEN_PORT`. */
export const withVariableNames = (problems: ReadonlyArray<Problem>): ReadonlyArray<Problem> =>
  problems.map((problem) => ({ ...problem, message: useShortNames(problem.message, process.env) }))

const diskFull = new Set(["ENOSPC", "EDQUOT"])
