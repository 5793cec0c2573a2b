/** Checks the host: whether one is running and its state, or whether one could listen. */
import { format } from "@signalbox/core/ConfigError"
import { describeHost } from "@signalbox/server/HostNote"
import { holderOf } from "@signalbox/server/PortHolder"
import { Effect, Result, type Schema } from "effect"
import { endpoints } from "../../AdminEndpoints.ts"
import type { State } from "../../ConfigAccess.ts"
import { type Failure, hostSilent } from "../../Failure.ts"
import { withFileConfig } from "../../FileConfigAccess.ts"
import { readDenied } from "../../FilePermissions.ts"
import { request } from "../../HostClient.ts"
import { type RunningHost, requireResponse } from "../../RunningHost.ts"
import { hostOf, silentHostOf, type Target } from "../../Target.ts"
import { type CheckResult, note, ok, problem } from "./CheckResult.ts"

export const hostChecks = (target: Target): Effect.Effect<ReadonlyArray<CheckResult>, Failure> =>
  Effect.gen(function* () {
    const host = yield* hostOf(target)
    if (host !== undefined) {
      yield* requireResponse(host)
      return yield* runningHostChecks(host, target.paths.config)
    }
    const silent = silentHostOf(target)
    if (silent === undefined) return yield* withoutHostChecks(target)
    const { hint, message } = hostSilent(silent)
    return [note("host", message, hint)]
  })

const runningHostChecks = (host: RunningHost, path: string) =>
  Effect.gen(function* () {
    const { note: { version } = { version: "unknown" } } = host
    const results = [ok("host", `${describeHost(host.note ?? {})} at ${host.url}, version ${version}`)]
    const { degraded, ready } = yield* request(host, endpoints.readiness)
    const config = yield* request(host, endpoints.config)
    // Formatted with the name that this command was given, so that a warning of the document's own checks is the same text.
    const warnings = new Map(config.warnings.map((warning) => [format(config.source, warning), format(path, warning)]))
    results.push(
      ready
        ? ok("ready", "requests are served")
        : problem("ready", "no requests are served yet", "look at its log, and at `signalbox services`"),
    )
    for (const sentence of degraded) {
      const warning = warnings.get(sentence)
      // The checks of the files have reported the mode.
      if (warning !== undefined && /others can read it \(mode/.test(warning)) continue
      results.push(
        // A host is degraded by warnings too, but they are not problems.
        warning === undefined
          ? problem("degraded", sentence, "correct it; the host notices by itself")
          : note("content", warning),
      )
    }
    return results
  })

const withoutHostChecks = (target: Target) =>
  Effect.gen(function* () {
    const code = readDenied(target.paths.lock)
    if (code !== undefined) {
      const message = `it is unknown whether a host is running: ${target.paths.lock} cannot be read (${code})`
      return [problem("host", message, "run this as the user that runs the host")]
    }
    const opened = yield* Effect.result(
      withFileConfig(target, "read", ({ state, value }) => Effect.all({ listen: value("/listen"), state })),
    )
    const noHost = note("host", "no host is running on this document", "`signalbox serve` starts one")
    // Includes the environment of this shell, which may be the reason for a refusal.
    if (Result.isFailure(opened)) return [noHost, ...refusals(target, opened.failure)]
    const { host, port } = listenOf(opened.success.listen.value)
    const results = [noHost, ...earlierRefusals(opened.success.state)]
    if (port === 0) return results
    const holder = yield* holderOf(host, port)
    return [
      ...results,
      holder === undefined
        ? ok("port", `${host}:${port} is free, or its holder is not visible`)
        : problem("port", `${host}:${port} is taken by ${holder}`, "stop it, or set listen.port"),
    ]
  })

/** Refusals by a service of an earlier host, which a check of the document alone cannot find. */
const earlierRefusals = ({ problems, source }: State): ReadonlyArray<CheckResult> =>
  problems
    .filter(({ by }) => by === "history")
    .map((found) =>
      problem(
        "content",
        format(source, found),
        "until it is corrected a host serves the last accepted document; its log has the reason",
      ),
    )

/** Duplicates of the document's own checks are removed later. */
const refusals = ({ paths }: Target, { problems = [] }: Failure): ReadonlyArray<CheckResult> =>
  problems.map((found) => problem("content", format(paths.config, found), "no host starts with it: correct it"))

const listenOf = (value: Schema.Json): { readonly host: string; readonly port: number } => {
  const { host = "127.0.0.1", port = 0 } = Object(value)
  return { host: String(host), port: Number(port) }
}
