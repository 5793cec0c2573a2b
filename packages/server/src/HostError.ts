/** The errors of a host that cannot start or continue. Each message says what happened, to what, and what to do next. */
import { ConfigError } from "@signalbox/core"
import { Schema } from "effect"
import { describeHost } from "./HostNote.ts"

/** Another host holds the lock of this directory. The fields come from its note. */
export class LockHeld extends Schema.TaggedClass<LockHeld>()("LockHeld", {
  path: Schema.String,
  /** The name of its document, if that is another one in the same directory. */
  other: Schema.optionalKey(Schema.String),
  /** Absent if the host runs in another PID namespace. */
  pid: Schema.optionalKey(Schema.Int),
  /** The name of its machine or container. */
  hostname: Schema.optionalKey(Schema.String),
  url: Schema.optionalKey(Schema.String),
  /** ISO 8601. */
  since: Schema.optionalKey(Schema.String),
  /** The text of the lock file, if there is no note yet. */
  holder: Schema.optionalKey(Schema.String),
}) {}

/** The lock cannot be taken: no permission, a read-only file system, or no lock mechanism. */
export class LockUnavailable extends Schema.TaggedClass<LockUnavailable>()("LockUnavailable", {
  path: Schema.String,
  detail: Schema.String,
}) {}

/** Another process listens on the port. */
export class PortTaken extends Schema.TaggedClass<PortTaken>()("PortTaken", {
  host: Schema.String,
  port: Schema.Int,
  /** A description of the process, if this user may see it. */
  holder: Schema.optionalKey(Schema.String),
}) {}

/** The address cannot be bound. `code` is `EACCES`, `EADDRNOTAVAIL`, `ENOTFOUND` … */
export class CannotListen extends Schema.TaggedClass<CannotListen>()("CannotListen", {
  host: Schema.String,
  port: Schema.Int,
  code: Schema.String,
}) {}

/** The directory of the document cannot be created. */
export class DirectoryUnusable extends Schema.TaggedClass<DirectoryUnusable>()("DirectoryUnusable", {
  path: Schema.String,
  code: Schema.String,
}) {}

/** The document is refused and no earlier one can serve, or it cannot be read. */
export class ConfigUnusable extends Schema.TaggedClass<ConfigUnusable>()("ConfigUnusable", {
  path: Schema.String,
  /** Empty if the document cannot be read. */
  problems: Schema.Array(ConfigError.Problem),
  detail: Schema.String,
}) {}

/** A file beside the document, such as the admin token, cannot be used. */
export class FileUnusable extends Schema.TaggedClass<FileUnusable>()("FileUnusable", {
  path: Schema.String,
  /** One sentence with the path and what to do. */
  detail: Schema.String,
}) {}

/** The error of a host that cannot start or continue. */
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
      }: ${describeHolder(reason)}. Use that one, stop it${remedyFor(reason)}, or give this one a document in a directory of its own with --config.`
    case "LockUnavailable":
      return `The host's lock ${reason.path} cannot be taken: ${reason.detail}.`
    case "PortTaken":
      return `Port ${reason.port} of ${reason.host} is taken${
        reason.holder === undefined ? " by a process that this user may not see" : ` by ${reason.holder}`
      }. Stop it, or listen elsewhere: --port, SIGNALBOX_PORT or listen.port in the document; 0 takes any free one.`
    case "CannotListen":
      return `The host cannot listen on ${reason.host}, port ${reason.port} (${reason.code}). ${remedyOf(reason)}`
    case "DirectoryUnusable":
      return `The directory ${reason.path} cannot be created (${reason.code}). Create it, let this user write to it, or name another document with --config.`
    case "ConfigUnusable":
      return reason.detail
    case "FileUnusable":
      return reason.detail
  }
}

const remedyFor = ({ pid, url }: LockHeld): string => {
  if (pid !== undefined) return ` (kill ${pid})`
  return url === undefined ? "" : " (with the container that it runs in)"
}

const describeHolder = ({ holder, hostname, path, pid, since, url }: LockHeld): string => {
  if (url === undefined) return `${path} is ${holder ?? "held by another process, which has not written its note yet"}`
  return `${describeHost({ hostname, pid })}${since === undefined ? "" : `, since ${since}`}, at ${url} (${path})`
}

const remedyOf = ({ code, host, port }: CannotListen): string => {
  switch (code) {
    case "EACCES":
      return `Ports below 1024 require a privilege that this user does not have: choose another port than ${port}.`
    case "EADDRNOTAVAIL":
      return `This machine does not have the address: set listen.host to one of its addresses, or to 127.0.0.1.`
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `The name ${host} cannot be resolved: set listen.host to an IP address.`
    default:
      return "Set listen.host and listen.port in the document."
  }
}
