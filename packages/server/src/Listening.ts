/**
 * The socket of a host, bound once to the address that document, environment and options name at start. It listens as soon as the layer is built;
 * requests queue until the host can serve.
 */
import { Context, Effect, Layer } from "effect"
import { Listen } from "./HostConfig.ts"
import { CannotListen, HostError, PortTaken } from "./HostError.ts"
import { createServer } from "./internal/NodeHttp.ts"
import { Traffic } from "./internal/Traffic.ts"
import { holderOf } from "./PortHolder.ts"

/**
 * The address that a host listens on. Building the layer fails with `PortTaken` or `CannotListen`.
 *
 * **Example** (Finding the port of a host)
 *
 * ```ts
 * import { ok } from "node:assert"
 * import { mkdtempSync } from "node:fs"
 * import { tmpdir } from "node:os"
 * import { join } from "node:path"
 * import { Host, Listening } from "@signalbox/server"
 * import { Effect, Layer } from "effect"
 *
 * const config = join(mkdtempSync(join(tmpdir(), "signalbox-")), "config.json")
 *
 * const program = Effect.map(Listening, ({ port }) => port).pipe(
 *   Effect.provide(Layer.fresh(Host.layer({ config, port: 0 }))),
 * )
 *
 * ok((await Effect.runPromise(program)) > 0)
 * ```
 */
export class Listening extends Context.Service<
  Listening,
  {
    /** The configured address. */
    readonly host: string
    /** The bound port, also if the configured one is 0. */
    readonly port: number
    /** The URL for clients on this machine, without a trailing slash. */
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

/** Fails with the system's error code. */
const bind = ({ server }: Traffic, host: string, port: number): Effect.Effect<void, string> =>
  Effect.callback((resume) => {
    const failed = (error: NodeJS.ErrnoException) => resume(Effect.fail(error.code ?? error.message))
    server.once("error", failed)
    server.listen({ host, port, exclusive: true }, () => {
      server.off("error", failed)
      // Later errors, such as EMFILE for one connection, must not end the host.
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

/** A host on all addresses is reachable through loopback. */
const reachable = (host: string): string => (host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host)

const urlOf = (host: string, port: number): string => {
  const name = reachable(host)
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`
}
