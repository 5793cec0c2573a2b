/** The host: whether one runs, how it is, and whether one could listen. */
import { HealthGroup } from "@signalbox/api/HealthGroup"
import { holderOf } from "@signalbox/server/Listening/PortHolder"
import { Effect, type Schema } from "effect"
import { fromApi } from "../Access/Answers.ts"
import { hostOf, type Where } from "../Access.ts"
import { clientOf } from "../Client.ts"
import type { Failure } from "../Failure.ts"
import type { Host } from "../Host.ts"
import { type Finding, note, ok, problem } from "./Finding.ts"

export const hostFindings = (at: Where): Effect.Effect<ReadonlyArray<Finding>, Failure> =>
  Effect.flatMap(hostOf(at), (host) => (host === undefined ? without(at) : running(host)))

const running = (host: Host) =>
  Effect.gen(function* () {
    const { pid, url, version } = host.note
    const found = [ok("host", `pid ${pid} at ${url}, version ${version}`)]
    const { degraded, ready } = yield* (yield* clientOf(host, HealthGroup)).readyz()
    found.push(
      ready
        ? ok("ready", "requests are served")
        : problem("ready", "nothing is served yet", "look at its log, and at `signalbox services`"),
    )
    for (const sentence of degraded)
      found.push(problem("degraded", sentence, "put it right; the host notices by itself"))
    return found
  }).pipe(Effect.mapError(fromApi))

const without = (at: Where) =>
  Effect.gen(function* () {
    const { withLocal } = yield* Effect.promise(() => import("../Access/Local.ts"))
    const listen = yield* Effect.orElseSucceed(
      withLocal(at, "read", ({ value }) => value("/listen")),
      () => undefined,
    )
    const { host, port } = listen === undefined ? { host: "127.0.0.1", port: 0 } : listenOf(listen.value)
    const none = note("host", "none runs on this document", "`signalbox serve` starts one")
    if (port === 0) return [none]
    const holder = yield* holderOf(host, port)
    return [
      none,
      holder === undefined
        ? ok("port", `${host}:${port} is free, or its holder is not to be seen`)
        : problem("port", `${host}:${port} is taken by ${holder}`, "stop it, or set listen.port"),
    ]
  })

const listenOf = (value: Schema.Json): { readonly host: string; readonly port: number } => {
  const { host = "127.0.0.1", port = 0 } = Object(value)
  return { host: String(host), port: Number(port) }
}
