/** Turns problem details of the admin API into the failure of a command. */
import type { Problem } from "@signalbox/core/ConfigError"
import { rejected, stale, unchanged } from "../ConfigFailure.ts"
import { type Failure, failed, splitHint, usage } from "../Failure.ts"
import { escapeLine } from "../TextFormat.ts"

const urn = "urn:signalbox:problem:"
const otherVersion = "the host may be another version: restart it with this one"

export const failureOfProblem = (body: Readonly<Record<string, unknown>>, isRemote: boolean): Failure => {
  const type = String(body["type"])
  const kind = type.startsWith(urn) ? type.slice(urn.length) : ""
  const [message, hint] = splitHint(escapeLine(String(body["detail"] ?? body["title"])))
  switch (kind) {
    case "rejected":
      return rejected((body["problems"] ?? []) as ReadonlyArray<Problem>)
    case "stale":
      return stale(String(body["actual"]))
    case "conflict":
      return unchanged(message, hint)
    case "invalid":
      return usage(message, hint)
    case "unauthorized":
      return failed(
        kind,
        "the host does not accept the admin token",
        isRemote
          ? "the token is the text of admin.token beside the document of that host"
          : "its token file was replaced: restart the host",
      )
    case "forbidden":
      return failed(
        kind,
        message,
        isRemote
          ? "use an IP address of the host, or add this name to listen.names there"
          : "a proxy handles requests to this machine: exclude it",
      )
    case "too-large":
      return failed(kind, `the host reads at most ${Number(body["maxBytes"])} bytes at once`)
    case "internal":
      return failed(kind, "the host failed on this request", "its log has the reason")
    case "unconfirmed":
    case "storage-full":
    case "unavailable":
    case "busy":
    case "not-found":
    case "too-many-streams":
    case "unsupported-media":
      return failed(kind, message, hint ?? hints[kind])
    default:
      return failed("answer", "the host's response is not understood", otherVersion)
  }
}

/** For problems whose text does not say what to do. */
const hints = {
  unconfirmed: "check the disk, then write again",
  "storage-full": "free some space on that disk, then try again",
  unavailable: "`signalbox doctor` tells more",
  busy: "try again in a moment",
  "not-found": undefined,
  "too-many-streams": "end other streams, then try again",
  "unsupported-media": otherVersion,
} as const
