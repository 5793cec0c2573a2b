/**
 * The socket of a host: bound once, to what the document, the environment and the command line say at start. It listens as soon as this is
 * built, before there is anybody to answer.
 */
import { Context, Effect, Layer } from "effect"
import { Listen } from "./HostConfig.ts"
import { CannotListen, HostError, PortTaken } from "./HostError.ts"
import { createServer } from "./internal/NodeHttp.ts"
import { Traffic } from "./internal/Traffic.ts"
import { holderOf } from "./PortHolder.ts"

/** Where a host listens. Building it fails with `PortTaken` or `CannotListen`. */
export class Listening extends Context.Service<
  Listening,
  {
    /** The address that is bound, as it was asked for. */
    readonly host: string
    /** The real one, also where any was asked for. */
    readonly port: number
    /** How this machine reaches it, without a slash at the end. */
    readonly url: string
    readonly traffic: Traffic
  }
>()("@signalbox/server/Listening") {
  static readonly layer: Layer.Layer<Listening, HostError, Listen> = Layer.effect(
    Listening,
    Effect.suspend(() => make),
  )
}

const make = Effect.gen(function* () {
  const { host, port } = yield* Listen.get
  const traffic = yield* Effect.acquireRelease(
    Effect.sync(() => new Traffic(createServer())),
    (traffic) => Effect.sync(() => traffic.close()),
  )
  yield* Effect.catch(bind(traffic, host, port), (code) =>
    Effect.flatMap(refusal(host, port, code), (reason) => Effect.fail(new HostError({ reason }))),
  )
  const address = traffic.server.address()
  const bound = typeof address === "object" && address !== null ? address.port : port
  return Listening.of({ host, port: bound, url: urlOf(host, bound), traffic })
})

/** Fails with the code of the system's error. */
const bind = ({ server }: Traffic, host: string, port: number): Effect.Effect<void, string> =>
  Effect.callback((resume) => {
    const failed = (error: NodeJS.ErrnoException) => resume(Effect.fail(error.code ?? error.message))
    server.once("error", failed)
    server.listen({ host, port, exclusive: true }, () => {
      server.off("error", failed)
      // What goes wrong with one connection later, as EMFILE, must not end the host.
      server.on("error", () => {})
      resume(Effect.void)
    })
  })

const refusal = (host: string, port: number, code: string): Effect.Effect<PortTaken | CannotListen> =>
  code === "EADDRINUSE"
    ? Effect.map(
        holderOf(reachable(host), port),
        (holder) => new PortTaken({ host, port, ...(holder === undefined ? undefined : { holder }) }),
      )
    : Effect.succeed(new CannotListen({ host, port, code }))

/** Every address of this machine is also this one. */
const reachable = (host: string): string => (host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host)

const urlOf = (host: string, port: number): string => {
  const name = reachable(host)
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`
}
