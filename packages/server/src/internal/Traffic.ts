/**
 * The requests of a host's server: they wait while the host is still being put together, count while they are under way, and are refused once
 * it stops. Event feeds never end by themselves and are counted apart, once they say that they are one: nobody waits for a client that does
 * not read.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import { Server as NetServer, type Socket } from "node:net"
import { unavailable, unreadable } from "./Host/Refusal.ts"

export type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** Requests that came before the host could answer. More are told to come again. */
const maxEarly = 1_000

export class Traffic {
  readonly server: Server
  /** Called whenever a request has ended. */
  readonly listeners = new Set<() => void>()
  readonly #requests = new Set<ServerResponse>()
  readonly #feeds = new Set<ServerResponse>()
  #early: Array<readonly [IncomingMessage, ServerResponse]> = []
  #handler: Handler | undefined
  #stopping = false

  constructor(server: Server) {
    this.server = server
    server.on("request", this.#take)
    server.on("checkContinue", this.#takeExpecting)
    server.on("clientError", this.#refuse)
  }

  /** Requests under way. */
  get requests(): number {
    return this.#requests.size
  }

  /** Event feeds that are open. */
  get feeds(): number {
    return this.#feeds.size
  }

  /** This answer never ends by itself. */
  readonly follow = (response: ServerResponse): void => {
    if (this.#requests.delete(response)) this.#feeds.add(response)
    this.#tell()
  }

  /** From now on requests are answered, those that wait first. */
  answer(handler: Handler): void {
    this.#handler = handler
    const early = this.#early
    this.#early = []
    for (const [request, response] of early) if (!response.destroyed) handler(request, response)
  }

  /** Takes no new connections; requests on those that stand are told to go elsewhere, what is under way goes on. */
  stop(): void {
    if (this.#stopping) return
    this.#stopping = true
    for (const [request, response] of this.#early) unavailable(response, request.url ?? "/")
    this.#early = []
    for (const response of this.#requests) if (!response.headersSent) response.shouldKeepAlive = false
    // The one of node:http would also cut idle connections, on which a request may be arriving.
    if (this.server.listening) NetServer.prototype.close.call(this.server)
  }

  /** Ends every connection, whatever is under way on it. */
  close(): void {
    this.server.off("request", this.#take)
    this.server.off("checkContinue", this.#takeExpecting)
    this.server.off("clientError", this.#refuse)
    this.server.closeAllConnections()
    this.server.close()
  }

  readonly #take = (request: IncomingMessage, response: ServerResponse): void => {
    const path = request.url ?? "/"
    if (this.#stopping) {
      unavailable(response, path)
      return
    }
    this.#requests.add(response)
    response.once("close", () => {
      this.#requests.delete(response)
      this.#feeds.delete(response)
      this.#tell()
    })
    if (this.#handler !== undefined) this.#handler(request, response)
    else if (this.#early.length < maxEarly) this.#early.push([request, response])
    else unavailable(response, path)
  }

  /** Told here to go on, once for all routes: who reads the body must not find that it is still to be said. */
  readonly #takeExpecting = (request: IncomingMessage, response: ServerResponse): void => {
    if (!this.#stopping) response.writeContinue()
    delete request.headers.expect
    this.#take(request, response)
  }

  /** Who listens here answers in Node's place. */
  readonly #refuse = ({ code }: NodeJS.ErrnoException, socket: Socket): void => {
    const under = [...this.#requests, ...this.#feeds].find((response) => response.socket === socket)
    // Into another answer nothing can be said, and to who has gone nothing either.
    if (!socket.writable || under?.headersSent === true) socket.destroy()
    else unreadable(socket, under?.req.url ?? "/", code)
  }

  #tell(): void {
    for (const listener of this.listeners) listener()
  }
}
