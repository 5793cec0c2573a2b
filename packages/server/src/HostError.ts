/** Why a host does not start, or cannot go on: what happened, to what, and what to do now. */
import { ConfigError } from "@signalbox/core"
import { Schema } from "effect"

/** Another host holds the lock of this directory. What is known of it stands in its note. */
export class LockHeld extends Schema.TaggedClass<LockHeld>()("LockHeld", {
  path: Schema.String,
  /** The name of the document that it serves, where that is another one in the same directory. */
  other: Schema.optionalKey(Schema.String),
  pid: Schema.optionalKey(Schema.Int),
  url: Schema.optionalKey(Schema.String),
  /** ISO 8601. */
  since: Schema.optionalKey(Schema.String),
  /** Where there is no note yet: what the lock file says for people. */
  holder: Schema.optionalKey(Schema.String),
}) {}

/** The lock cannot be had at all: no right, a read-only file system, no mechanism. */
export class LockUnavailable extends Schema.TaggedClass<LockUnavailable>()("LockUnavailable", {
  path: Schema.String,
  detail: Schema.String,
}) {}

/** Something else listens there. */
export class PortTaken extends Schema.TaggedClass<PortTaken>()("PortTaken", {
  host: Schema.String,
  port: Schema.Int,
  /** Who it is, in words, as far as this user may know. */
  holder: Schema.optionalKey(Schema.String),
}) {}

/** `code` is `EACCES`, `EADDRNOTAVAIL`, `ENOTFOUND` … */
export class CannotListen extends Schema.TaggedClass<CannotListen>()("CannotListen", {
  host: Schema.String,
  port: Schema.Int,
  code: Schema.String,
}) {}

/** The directory of the document cannot be made. */
export class DirectoryUnusable extends Schema.TaggedClass<DirectoryUnusable>()("DirectoryUnusable", {
  path: Schema.String,
  code: Schema.String,
}) {}

/** The document is refused and nothing earlier can serve in its place, or it cannot be read. */
export class ConfigUnusable extends Schema.TaggedClass<ConfigUnusable>()("ConfigUnusable", {
  path: Schema.String,
  /** Empty where the document cannot be read. */
  problems: Schema.Array(ConfigError.Problem),
  detail: Schema.String,
}) {}

/** A file of the host's own, beside the document, cannot be used. */
export class FileUnusable extends Schema.TaggedClass<FileUnusable>()("FileUnusable", {
  path: Schema.String,
  /** One sentence for people, with the path and what to do. */
  detail: Schema.String,
}) {}

/** Why `serve` ended before it was told to. */
export class HostError extends Schema.TaggedError<HostError>()("HostError", {
  reason: Schema.Union([
    LockHeld,
    LockUnavailable,
    PortTaken,
    CannotListen,
    DirectoryUnusable,
    ConfigUnusable,
    FileUnusable,
  ]),
}) {
  override get message(): string {
    return explain(this.reason)
  }
}

const explain = (reason: HostError["reason"]): string => {
  switch (reason._tag) {
    case "LockHeld":
      return `${
        reason.other === undefined
          ? "Another host serves this document already"
          : `A host serves ${reason.other} in the same directory already`
      }: ${whoHolds(reason)}. Use that one, stop it${
        reason.pid === undefined ? "" : ` (kill ${reason.pid})`
      }, or give this one a document in a directory of its own with --config.`
    case "LockUnavailable":
      return `The host's lock ${reason.path} cannot be had: ${reason.detail}.`
    case "PortTaken":
      return `Port ${reason.port} of ${reason.host} is taken${
        reason.holder === undefined ? " by a process that this user may not see" : ` by ${reason.holder}`
      }. Stop it, or listen elsewhere: --port, SIGNALBOX_PORT or listen.port in the document; 0 takes any free one.`
    case "CannotListen":
      return `The host cannot listen on ${reason.host}, port ${reason.port} (${reason.code}). ${remedyOf(reason)}`
    case "DirectoryUnusable":
      return `The directory ${reason.path} cannot be made (${reason.code}). Make it, give this user the right to write there, or name another document with --config.`
    case "ConfigUnusable":
      return reason.detail
    case "FileUnusable":
      return reason.detail
  }
}

const whoHolds = ({ holder, path, pid, since, url }: LockHeld): string => {
  if (pid === undefined) return `${path} is ${holder ?? "held by another process, which has not said yet who it is"}`
  return `pid ${pid}${since === undefined ? "" : `, since ${since}`}${url === undefined ? "" : `, at ${url}`} (${path})`
}

const remedyOf = ({ code, host, port }: CannotListen): string => {
  switch (code) {
    case "EACCES":
      return `Ports below 1024 need a right that this user does not have: choose another than ${port}.`
    case "EADDRNOTAVAIL":
      return `This machine has no such address: set listen.host to one that it has, 127.0.0.1 for this machine alone.`
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `The name ${host} is not known: set listen.host to an IP address.`
    default:
      return "Set listen.host and listen.port in the document."
  }
}
