/** Every way in which reading, checking or writing a configuration can fail: as data, and as a message with the next step. */
import { Schema } from "effect"
import { escapeLine } from "./VisibleText.ts"

/**
 * One reason why a document is refused. `by` is `source`, `parser`, `schema`, `history` (a service refused it in an earlier process) or the id
 * of a node; `path` is a JSON Pointer. Never holds a value of the document.
 */
export const Problem = Schema.Struct({
  by: Schema.String,
  path: Schema.String,
  /** 1-based, as editors count. */
  line: Schema.optionalKey(Schema.Int),
  column: Schema.optionalKey(Schema.Int),
  message: Schema.String,
})
export type Problem = typeof Problem.Type

/** The document is refused; the last good one keeps serving. */
export class Rejected extends Schema.TaggedClass<Rejected>()("Rejected", {
  problems: Schema.Array(Problem),
  /** The document's name: its path. */
  source: Schema.optionalKey(Schema.String),
}) {}

/** Another writer changed the document first. Both are hashes. */
export class Conflict extends Schema.TaggedClass<Conflict>()("Conflict", {
  expected: Schema.String,
  actual: Schema.String,
}) {}

/** The new document is written and in force, but its directory entry may not survive a power cut. */
export class Unconfirmed extends Schema.TaggedClass<Unconfirmed>()("Unconfirmed", { path: Schema.String }) {}

/** The document cannot be read or written. `code` is `ENOENT`, `EACCES`, `ENOSPC`, `EIO` … */
export class SourceUnavailable extends Schema.TaggedClass<SourceUnavailable>()("SourceUnavailable", {
  path: Schema.String,
  code: Schema.String,
  detail: Schema.String,
}) {}

/** Too many changes wait, or another process holds the document's lock. */
export class Busy extends Schema.TaggedClass<Busy>()("Busy", { detail: Schema.String }) {}

/** The history has no document with this hash or these first digits, or several: then `matches` has their hashes, at most 16. */
export class NotKept extends Schema.TaggedClass<NotKept>()("NotKept", {
  hash: Schema.String,
  matches: Schema.Array(Schema.String),
}) {}

/**
 * An undo needs secrets that were replaced or removed, or would change nothing but secrets; the history keeps no secrets. `hash`: the document
 * before; `paths`: the secrets, at most 256.
 */
export class SecretNotKept extends Schema.TaggedClass<SecretNotKept>()("SecretNotKept", {
  hash: Schema.String,
  paths: Schema.Array(Schema.String),
}) {}

/** The history has no document to go back to. `hash`: the one in force. */
export class NothingBefore extends Schema.TaggedClass<NothingBefore>()("NothingBefore", { hash: Schema.String }) {}

/** The reasons of a `ConfigStoreError`. */
export type ConfigReason =
  | Rejected
  | Conflict
  | Unconfirmed
  | SourceUnavailable
  | Busy
  | NotKept
  | SecretNotKept
  | NothingBefore

/** Why the configuration could not be read or changed. The change is in force only after `Unconfirmed`. */
export class ConfigStoreError extends Schema.TaggedError<ConfigStoreError>()("ConfigStoreError", {
  reason: Schema.Union([
    Rejected,
    Conflict,
    Unconfirmed,
    SourceUnavailable,
    Busy,
    NotKept,
    SecretNotKept,
    NothingBefore,
  ]),
}) {
  override get message(): string {
    return describe(this.reason)
  }
}

/** `path:line:column: message (at /json/pointer)`, as one line. Editors and terminals turn it into a link. */
export const format = (name: string, problem: Problem): string => {
  const location = [name, problem.line, problem.column].filter((part) => part !== undefined).join(":")
  return escapeLine(`${location}: ${withNode(problem)}${problem.path === "" ? "" : ` (at ${problem.path})`}`)
}

const withNode = ({ by, message }: Problem): string => (stages.has(by) ? message : `${by}: ${message}`)

// Stages of a change; every other `by` is the id of a node.
const stages = new Set(["source", "parser", "schema", "history"])

// A message shows the first few problems; the error has all of them as data.
const maxShown = 5

const describe = (reason: ConfigReason): string => {
  switch (reason._tag) {
    case "Rejected": {
      const { problems, source = "the document" } = reason
      const shown = problems.slice(0, maxShown).map((problem) => format(source, problem))
      const more = problems.length - shown.length
      const rest = more > 0 ? [`and ${more} more problems`] : []
      return `The configuration is refused. Correct this and try again:\n${[...shown, ...rest].join("\n")}`
    }
    case "Conflict":
      return `The configuration was not changed: ${describeConflict(reason)}. Read the document again and repeat the change on it.`
    case "Unconfirmed":
      return `The new configuration is in force and written to ${reason.path}, but the disk did not confirm it: a power cut may bring the old one back. Check the disk, then write again.`
    case "SourceUnavailable":
      return `The configuration at ${reason.path} is not available (${reason.code}: ${reason.detail}); nothing was changed. ${remedy(reason.code)}`
    case "Busy":
      return `The configuration was not changed: ${reason.detail}. Try again in a moment.`
    case "NotKept":
      return reason.matches.length === 0
        ? `The history has no document ${JSON.stringify(reason.hash)}. Use at least 6 digits of a hash that the history lists.`
        : `${reason.matches.length} documents of the history begin with ${reason.hash}. Write more digits of one of: ${reason.matches.join(", ")}.`
    case "NothingBefore":
      return "The configuration was not changed: the history has no earlier document to go back to. Change the document by hand."
    case "SecretNotKept":
      return `The configuration was not changed: the earlier document needs ${listed(reason.paths)}, and the history keeps no secret that was replaced or removed. Write the old secret there yourself, or change the document by hand.`
  }
}

const listed = (paths: ReadonlyArray<string>): string => {
  const shown = paths.slice(0, maxShown).join(", ")
  const more = paths.length - maxShown
  return paths.length === 0 ? "a secret" : `the secret at ${shown}${more > 0 ? ` and ${more} more places` : ""}`
}

const describeConflict = ({ actual, expected }: Conflict): string =>
  `the change was made for the document ${expected.slice(0, 12)}, but ${actual.slice(0, 12)} is there now`

const remedy = (code: string): string => {
  switch (code) {
    case "ENOENT":
      return "Put the document back, or write a new one."
    case "EACCES":
    case "EPERM":
      return "Give this program's user the right to read and write it and its directory."
    case "EROFS":
      return "Make the file system writable, or move the document."
    case "EISDIR":
      return "The document must be a file: move the directory away, or name another path."
    case "ENOSPC":
    case "EDQUOT":
      return "Free some space on that disk, then try again."
    default:
      return "Check the disk and the path, then try again."
  }
}
