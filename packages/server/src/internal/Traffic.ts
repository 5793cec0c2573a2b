/**
 * The requests of a host's server. They queue until the host can serve, are counted while in flight, and are refused once it stops. Responses
 * that never end, such as event feeds, are marked and counted separately, because stopping must not wait for them.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import { Server as NetServer, type Socket } from "node:net"
import { respondUnavailable, respondUnreadable } from "./Traffic/RawResponse.ts"

export type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** Requests that may queue until the host can serve. Further ones get a 503. */
const maxQueued = 1_000

export class Traffic {
  readonly server: Server
  /** Called whenever a request has ended. */
  readonly listeners = new Set<() => void>()
  readonly #requests = new Set<ServerResponse>()
  readonly #feeds = new Set<ServerResponse>()
  #queued: Array<readonly [IncomingMessage, ServerResponse]> = []
  #handler: Handler | undefined
  #stopping = false

  constructor(server: Server) {
    this.server = server
    server.on("request", this.#accept)
    server.on("checkContinue", this.#acceptExpecting)
    server.on("clientError", this.#refuse)
  }

  /** Requests in flight. */
  get requests(): number {
    return this.#requests.size
  }

  /** Open event feeds. */
  get feeds(): number {
    return this.#feeds.size
  }

  /** Marks a response that never ends by itself. */
  readonly markEndless = (response: ServerResponse): void => {
    if (this.#requests.delete(response)) this.#feeds.add(response)
    this.#notify()
  }

  /** Serves requests with `handler` from now on, queued requests first. */
  serve(handler: Handler): void {
    this.#handler = handler
    const queued = this.#queued
    this.#queued = []
    for (const [request, response] of queued) if (!response.destroyed) handler(request, response)
  }

  /** Closes the listening socket and refuses requests on open connections. Requests in flight continue. */
  stop(): void {
    if (this.#stopping) return
    this.#stopping = true
    for (const [request, response] of this.#queued) respondUnavailable(response, request.url ?? "/")
    this.#queued = []
    for (const response of this.#requests) if (!response.headersSent) response.shouldKeepAlive = false
    // `close` of node:http would also cut idle connections, on which a request may be arriving.
    if (this.server.listening) NetServer.prototype.close.call(this.server)
  }

  /** Closes every connection, including those with requests in flight. */
  close(): void {
    this.server.off("request", this.#accept)
    this.server.off("checkContinue", this.#acceptExpecting)
    this.server.off("clientError", this.#refuse)
    this.server.closeAllConnections()
    this.server.close()
  }

  readonly #accept = (request: IncomingMessage, response: ServerResponse): void => {
    const path = request.url ?? "/"
    if (this.#stopping) {
      respondUnavailable(response, path)
      return
    }
    this.#requests.add(response)
    response.once("close", () => {
      this.#requests.delete(response)
      this.#feeds.delete(response)
      this.#notify()
    })
    if (this.#handler !== undefined) this.#handler(request, response)
    else if (this.#queued.length < maxQueued) this.#queued.push([request, response])
    else respondUnavailable(response, path)
  }

  /** Sends `100 Continue` once for all routes and removes the header, so that no body reader sends it again. */
  readonly #acceptExpecting = (request: IncomingMessage, response: ServerResponse): void => {
    if (!this.#stopping) response.writeContinue()
    delete request.headers.expect
    this.#accept(request, response)
  }

  /** Answers in place of Node, which sends an empty response unless `clientError` has a listener. */
  readonly #refuse = ({ code }: NodeJS.ErrnoException, socket: Socket): void => {
    const current = [...this.#requests, ...this.#feeds].find((response) => response.socket === socket)
    // A response that has begun cannot carry another one, and a closed socket carries none.
    if (!socket.writable || current?.headersSent === true) socket.destroy()
    else respondUnreadable(socket, current?.req.url ?? "/", code)
  }

  #notify(): void {
    for (const listener of this.listeners) listener()
  }
}
