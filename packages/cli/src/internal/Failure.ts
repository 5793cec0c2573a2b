/**
 * A failed command: a sentence that names the event and its object, a hint with the remedy, and an exit code. With `--json` it is printed as
 * problem details (RFC 9457) on standard error. It holds no secret: documents and the host's responses are redacted.
 */
import type { Problem } from "@signalbox/core/ConfigError"
import { describeHost, type HostNote } from "@signalbox/server/HostNote"
import { Data, type Schema } from "effect"

/** 1: refused or failed. 2: usage. 3: no host is running where one is needed. 4: conflict with another change or process. 0 is success. */
export const exitCodes = { failed: 1, usage: 2, noHost: 3, conflict: 4 } as const

type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

interface Details {
  /** Why a document is refused. */
  readonly problems?: ReadonlyArray<Problem>
  /** The path of the document that the problems are in. */
  readonly source?: string
  /** Further members of the JSON problem. */
  readonly details?: Readonly<Record<string, Schema.Json>>
}

export class Failure extends Data.TaggedError("Failure")<
  {
    readonly exitCode: ExitCode
    /** `rejected`, `stale`, `no-host` …: the end of the problem's type, a URN that never changes. */
    readonly kind: string
    readonly message: string
    readonly hint?: string
  } & Details
> {}

const make =
  (exitCode: ExitCode) =>
  (kind: string, message: string, hint?: string, details: Details = {}): Failure =>
    new Failure({ exitCode, kind, message, ...(hint === undefined ? {} : { hint }), ...details })

export const failed = make(exitCodes.failed)
export const usage = (message: string, hint?: string): Failure => make(exitCodes.usage)("usage", message, hint)
export const conflict = make(exitCodes.conflict)

/** `purpose` completes "which is needed to …". */
export const noHost = (config: string, purpose: string): Failure =>
  make(exitCodes.noHost)(
    "no-host",
    `no host is running on ${config}, which is needed to ${purpose}`,
    "start one with `signalbox serve`",
    { details: { config } },
  )

/** A running host, for people. Its pid is known if it runs in the PID namespace of this process. */
type Host = Pick<HostNote, "pid" | "hostname" | "url">

/** The host holds its lock and accepts no connection. */
export const hostSilent = (host: Host): Failure =>
  host.pid === undefined
    ? make(exitCodes.noHost)(
        "host-elsewhere",
        `the host (${describeHost(host)}) cannot be reached at ${host.url} from here`,
        "run this in the container of the host, or publish its port at the same address",
      )
    : make(exitCodes.noHost)(
        "host-stopping",
        `the host (pid ${host.pid}) is stopping: it finishes its requests and accepts no new ones`,
        `wait until it ends, or end it at once with another \`kill ${host.pid}\``,
      )

export const hostNotResponding = (host: Host): Failure =>
  failed(
    "host-silent",
    `the host (${describeHost(host)}, ${host.url}) does not respond`,
    `look at its log; ${host.pid === undefined ? "end it with its container" : `\`kill ${host.pid}\` ends it`}`,
  )

/** The host at `--host`. `reason` is the code of a system error. */
export const hostNotReached = (url: string, reason: string): Failure =>
  failed(
    "gone",
    `the host at ${url} cannot be reached (${reason})`,
    "check the address, and that a host runs and listens there (listen.host, listen.port)",
  )

/** Splits a message of the libraries, whose last sentence is the remedy, and writes both as the command's own: in lower case and without a full stop. */
export const splitHint = (text: string): readonly [message: string, hint?: string] => {
  const end = text.lastIndexOf(". ")
  return end === -1 ? [asOwn(text)] : [asOwn(text.slice(0, end)), asOwn(text.slice(end + 2))]
}

const asOwn = (sentence: string): string =>
  sentence.replace(/^[A-Z](?=[a-z]* )/, (letter) => letter.toLowerCase()).replace(/\.$/, "")

/** Problem details (RFC 9457). */
export const problemOf = (failure: Failure) => ({
  type: `urn:signalbox:problem:${failure.kind}`,
  title: failure.message,
  ...(failure.hint === undefined ? {} : { detail: failure.hint }),
  exitCode: failure.exitCode,
  ...(failure.problems === undefined ? {} : { problems: failure.problems }),
  ...(failure.source === undefined ? {} : { source: failure.source }),
  ...failure.details,
})
