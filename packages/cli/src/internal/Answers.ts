/** What a host answers instead of what was asked for, as failures of a command. */
import type * as Problems from "@signalbox/api/Problems"
import type { Schema } from "effect"
import type { HttpClientError } from "effect/http"
import { moved, refused, unchanged } from "./ConfigFailure.ts"
import { Failure, failed, inSentences, usage } from "./Failure.ts"
import { line } from "./TextFormat.ts"

export type ApiError =
  | InstanceType<(typeof Problems.RequestProblems)[number] | (typeof Problems.ConfigProblems)[number]>
  | Problems.Unauthorized
  | Problems.NotFound
  | Problems.TooManyStreams
  | HttpClientError.HttpClientError
  | Schema.SchemaError

export const fromApi = (error: ApiError): Failure => {
  switch (error._tag) {
    case "Rejected":
      return refused(error.problems)
    case "Stale":
      return moved(error.actual)
    case "Conflict":
      return unchanged(...inSentences(line(error.message)))
    case "Unauthorized":
      return failed(
        "unauthorized",
        "the host does not accept the admin token",
        "its token file was replaced: restart the host",
      )
    case "Unconfirmed":
      return told("unconfirmed", error, "check the disk, then write again")
    case "StorageFull":
      return told("storage-full", error, "make room on that disk, then try again")
    case "Unavailable":
      return told("unavailable", error, "`signalbox doctor` says more")
    case "Busy":
      return told("busy", error, "try again in a moment")
    case "NotFound":
      return told("not-found", error)
    case "Invalid":
      return usage(...inSentences(line(error.message)))
    case "TooManyStreams":
      return told("too-many-streams", error, "end others, then try again")
    case "Forbidden":
      return failed("forbidden", line(error.message), "a proxy stands between: unset it for this machine")
    case "TooLarge":
      return failed("too-large", `the host does not read more than ${error.maxBytes} bytes at once`)
    case "UnsupportedMedia":
      return told("unsupported-media", error, differentVersions)
    case "Internal":
      return failed("internal", "the host has failed on this request", "its log says why")
    case "HttpClientError":
      return ofClient(error)
    case "SchemaError":
      return notUnderstood
  }
}

/** A host says what to do in its last sentence. */
const told = (kind: string, { message }: Error, otherwise?: string): Failure => {
  const [sentence, hint = otherwise] = inSentences(line(message))
  return failed(kind, sentence, hint)
}

const ofClient = ({ reason }: HttpClientError.HttpClientError): Failure => {
  if (reason._tag !== "TransportError") return notUnderstood
  // Said where its patience ended.
  if (reason.cause instanceof Failure) return reason.cause
  return failed(
    "gone",
    "the connection to the host broke",
    "if it has just ended, start it again and repeat the command",
  )
}

/** Where the typed client gives up on an answer, it dies of it. */
export const ofDefect = (error: unknown): Failure | undefined =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "HttpClientError"
    ? ofClient(error as HttpClientError.HttpClientError)
    : undefined

const differentVersions = "the host may be of another version: restart it with this one"

const notUnderstood = failed("answer", "the host's answer is not understood", differentVersions)
