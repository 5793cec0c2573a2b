/**
 * The requests of a host's server: they wait while the host is still being put together, count while they are under way, and are refused once
 * it stops. Event feeds never end by themselves and are counted apart: nobody waits for a client that does not read.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import { Server as NetServer } from "node:net"

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
  }

  /** Requests under way. */
  get requests(): number {
    return this.#requests.size
  }

  /** Event feeds that are open. */
  get feeds(): number {
    return this.#feeds.size
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
    for (const [, response] of this.#early) refuse(response, "/")
    this.#early = []
    for (const response of this.#requests) if (!response.headersSent) response.shouldKeepAlive = false
    // The one of node:http would also cut idle connections, on which a request may be arriving.
    if (this.server.listening) NetServer.prototype.close.call(this.server)
  }

  /** Ends every connection, whatever is under way on it. */
  close(): void {
    this.server.off("request", this.#take)
    this.server.closeAllConnections()
    this.server.close()
  }

  readonly #take = (request: IncomingMessage, response: ServerResponse): void => {
    const path = request.url ?? "/"
    if (this.#stopping) {
      refuse(response, path)
      return
    }
    const under = isFeed(path) ? this.#feeds : this.#requests
    under.add(response)
    response.once("close", () => {
      under.delete(response)
      for (const listener of this.listeners) listener()
    })
    if (this.#handler !== undefined) this.#handler(request, response)
    else if (this.#early.length < maxEarly) this.#early.push([request, response])
    else refuse(response, path)
  }
}

const isFeed = (path: string): boolean => /^\/api\/events(?:\?|$)/.test(path)

const detail = "this host is not serving at the moment: it starts or stops; try again, or another host"

/** In the words of whom it was meant for: OpenAI's error object, else problem details (RFC 9457). */
const refuse = (response: ServerResponse, path: string): void => {
  const forCallers = path.startsWith("/v1/")
  const body = forCallers
    ? { error: { message: detail, type: "server_error", param: null, code: "unavailable" } }
    : { type: "about:blank", status: 503, title: "Service Unavailable", detail }
  response
    .writeHead(503, {
      connection: "close",
      "content-type": forCallers ? "application/json" : "application/problem+json",
      "retry-after": "1",
    })
    .end(JSON.stringify(body))
}
