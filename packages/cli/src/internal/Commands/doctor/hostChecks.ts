/** The host: whether one runs, how it is, and whether one could listen. */
import { ConfigGroup } from "@signalbox/api/ConfigGroup"
import { HealthGroup } from "@signalbox/api/HealthGroup"
import { format } from "@signalbox/core/ConfigError"
import { holderOf } from "@signalbox/server/PortHolder"
import { Effect, Result, type Schema } from "effect"
import { fromApi } from "../../Answers.ts"
import { clientOf } from "../../Client.ts"
import { hostOf, leavingOf, type State, type Where } from "../../ConfigAccess.ts"
import { type Failure, leaving } from "../../Failure.ts"
import { unreadable } from "../../FilePermissions.ts"
import { type Host, mustAnswer } from "../../RunningHost.ts"
import { type Finding, note, ok, problem } from "./Check.ts"

export const hostFindings = (at: Where): Effect.Effect<ReadonlyArray<Finding>, Failure> =>
  Effect.gen(function* () {
    const host = yield* hostOf(at)
    if (host !== undefined) {
      yield* mustAnswer(host)
      return yield* running(host)
    }
    const last = leavingOf(at)
    if (last === undefined) return yield* without(at)
    const { hint, message } = leaving(last)
    return [note("host", message, hint)]
  })

const running = (host: Host) =>
  Effect.gen(function* () {
    const { pid, url, version } = host.note
    const found = [ok("host", `pid ${pid} at ${url}, version ${version}`)]
    const { degraded, ready } = yield* (yield* clientOf(host, HealthGroup)).readyz()
    const { body } = yield* (yield* clientOf(host, ConfigGroup)).config.get()
    const warnings = body.warnings.map((warning) => format(body.source, warning))
    found.push(
      ready
        ? ok("ready", "requests are served")
        : problem("ready", "nothing is served yet", "look at its log, and at `signalbox services`"),
    )
    for (const sentence of degraded)
      found.push(
        // A host names all that wants somebody to look; what works is not wrong for it.
        warnings.includes(sentence)
          ? note("content", sentence)
          : problem("degraded", sentence, "put it right; the host notices by itself"),
      )
    return found
  }).pipe(Effect.mapError(fromApi))

const without = (at: Where) =>
  Effect.gen(function* () {
    const code = unreadable(at.place.lock)
    if (code !== undefined) {
      const message = `whether one runs is not to be seen: ${at.place.lock} cannot be read (${code})`
      return [problem("host", message, "run this as the user who runs the host")]
    }
    const { withLocal } = yield* Effect.promise(() => import("../../FileConfigAccess.ts"))
    const read = yield* Effect.result(
      withLocal(at, "read", ({ state, value }) => Effect.all({ listen: value("/listen"), state })),
    )
    const none = note("host", "none runs on this document", "`signalbox serve` starts one")
    // With the environment of this shell, which may be what is refused.
    if (Result.isFailure(read)) return [none, ...refusals(at, read.failure)]
    const { host, port } = listenOf(read.success.listen.value)
    const found = [none, ...refusedBefore(read.success.state)]
    if (port === 0) return found
    const holder = yield* holderOf(host, port)
    return [
      ...found,
      holder === undefined
        ? ok("port", `${host}:${port} is free, or its holder is not to be seen`)
        : problem("port", `${host}:${port} is taken by ${holder}`, "stop it, or set listen.port"),
    ]
  })

/** What a host refused before, and no check of the document alone can find. */
const refusedBefore = ({ problems, source }: State): ReadonlyArray<Finding> =>
  problems
    .filter(({ by }) => by === "history")
    .map((found) =>
      problem(
        "content",
        format(source, found),
        "until then a host serves the last one that was accepted; its log says why it was refused",
      ),
    )

/** What the document's own check has not found already. */
const refusals = ({ place }: Where, { problems = [] }: Failure): ReadonlyArray<Finding> =>
  problems.map((found) => problem("content", format(place.config, found), "no host starts with it: correct it"))

const listenOf = (value: Schema.Json): { readonly host: string; readonly port: number } => {
  const { host = "127.0.0.1", port = 0 } = Object(value)
  return { host: String(host), port: Number(port) }
}
