/**
 * How a command fails: one sentence that says what happened and to what, a hint that says what to do, and an exit code. With `--json` the
 * same as a problem (RFC 9457) on standard error. Nothing in it is secret: documents and answers come redacted.
 */
import { Problem } from "@signalbox/core/ConfigError"
import { Schema } from "effect"

/** 1: refused or failed. 2: usage. 3: no host where one is needed. 4: somebody else was quicker, or has it already. 0 is success. */
export const exitCodes = { failed: 1, usage: 2, noHost: 3, conflict: 4 } as const

export class Failure extends Schema.TaggedError<Failure>()("Failure", {
  exitCode: Schema.Literals([1, 2, 3, 4]),
  /** `rejected`, `stale`, `no-host` …: the end of the problem's type, a URN that never changes. */
  kind: Schema.String,
  message: Schema.String,
  hint: Schema.optionalKey(Schema.String),
  /** Why a document is refused, each with its place. */
  problems: Schema.optionalKey(Schema.Array(Problem)),
  /** What the problems' places lie in: a path. */
  source: Schema.optionalKey(Schema.String),
  /** For programs: what else the situation is about. */
  details: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
}) {}

type About = Omit<ConstructorParameters<typeof Failure>[0], "exitCode" | "kind" | "message" | "hint">

const make =
  (exitCode: 1 | 2 | 3 | 4) =>
  (kind: string, message: string, hint?: string, about: About = {}): Failure =>
    new Failure({ exitCode, kind, message, ...(hint === undefined ? {} : { hint }), ...about })

export const failed = make(exitCodes.failed)
export const usage = (message: string, hint?: string): Failure => make(exitCodes.usage)("usage", message, hint)
export const conflict = make(exitCodes.conflict)

/** A command that only a host can answer. */
export const noHost = (config: string, what: string): Failure =>
  make(exitCodes.noHost)(
    "no-host",
    `no host runs on ${config}, and only one that runs ${what}`,
    "start one with `signalbox serve`",
    {
      details: { config },
    },
  )

/** One that has been told to stop: for what needs a host that serves. */
export const leaving = ({ pid }: { readonly pid: number }): Failure =>
  make(exitCodes.noHost)(
    "host-stopping",
    `the host (pid ${pid}) is stopping: it waits for its requests, and takes no new ones`,
    `wait for its end, or end it at once with another \`kill ${pid}\``,
  )

/** One that runs, and is stopped, stuck or has no time. */
export const silent = ({ pid, url }: { readonly pid: number; readonly url: string }): Failure =>
  failed("host-silent", `the host (pid ${pid}, ${url}) does not answer`, `look at its log; \`kill ${pid}\` ends it`)

/** Our libraries say what happened and what to do in two sentences: the last one is the hint. */
export const inSentences = (text: string): readonly [message: string, hint?: string] => {
  const end = text.lastIndexOf(". ")
  return end === -1 ? [text] : [text.slice(0, end), text.slice(end + 2)]
}

/** As a program reads it. */
export const problemOf = (failure: Failure) => ({
  type: `urn:signalbox:problem:${failure.kind}`,
  title: failure.message,
  ...(failure.hint === undefined ? {} : { detail: failure.hint }),
  exitCode: failure.exitCode,
  ...(failure.problems === undefined ? {} : { problems: failure.problems }),
  ...(failure.source === undefined ? {} : { source: failure.source }),
  ...failure.details,
})
