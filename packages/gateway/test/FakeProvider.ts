/** A provider that a test controls: a real server whose requests wait in a queue for their responses. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { Deferred, Effect, Queue, type Scope } from "effect"

export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** The bytes as latin1, so that a test can compare each byte. */
  readonly body: string
  readonly json: { readonly model: string; readonly [key: string]: unknown }
  readonly response: ServerResponse
  /** The connection of the request. */
  readonly socket: Socket
  /** Completed when the gateway closes the connection before the response ends. */
  readonly gone: Deferred.Deferred<void>
}

export interface FakeProvider {
  readonly baseUrl: string
  readonly port: number
  readonly next: Effect.Effect<Received>
  /** The number of requests so far. */
  readonly count: () => number
  readonly sockets: ReadonlySet<Socket>
  /** Stops listening and closes all connections. */
  readonly stop: Effect.Effect<void>
}

export const fakeProvider = (port = 0): Effect.Effect<FakeProvider, never, Scope.Scope> =>
  Effect.gen(function* () {
    const received = yield* Queue.unbounded<Received>()
    const sockets = new Set<Socket>()
    let count = 0
    const server = createServer((request, response) => {
      const chunks: Array<Buffer> = []
      const gone = Deferred.makeUnsafe<void>()
      response.on("close", () => {
        if (!response.writableFinished) Deferred.doneUnsafe(gone, Effect.void)
      })
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        count++
        const bytes = Buffer.concat(chunks)
        Queue.offerUnsafe(received, {
          path: request.url ?? "",
          headers: request.headers,
          body: bytes.toString("latin1"),
          json: JSON.parse(bytes.toString()),
          response,
          socket: request.socket,
          gone,
        })
      })
    })
    // Idle connections stay open, so that only the gateway closes them.
    server.keepAliveTimeout = 600_000
    server.on("connection", (socket) => {
      sockets.add(socket)
      socket.on("close", () => sockets.delete(socket))
    })
    const stop = Effect.callback<void>((resume) => {
      server.close(() => resume(Effect.void))
      server.closeAllConnections()
    })
    yield* Effect.callback<void>((resume) => {
      server.listen(port, "127.0.0.1", () => resume(Effect.void))
    })
    yield* Effect.addFinalizer(() => (server.listening ? stop : Effect.void))
    const address = server.address() as AddressInfo
    return {
      baseUrl: `http://127.0.0.1:${address.port}/v1`,
      port: address.port,
      next: Queue.take(received),
      count: () => count,
      sockets,
      stop,
    }
  })

export const respondJson = ({ response }: Received, value: unknown, status = 200) =>
  Effect.sync(() => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value)))

export const completion = (model: string, content: string) => ({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model,
  choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
  usage: {
    prompt_tokens: 20,
    completion_tokens: 7,
    total_tokens: 27,
    prompt_tokens_details: { cached_tokens: 5 },
    completion_tokens_details: { reasoning_tokens: 3 },
  },
})

export const chunk = (model: string, content: string) =>
  `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model, choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`

export const beginStream = ({ response }: Received) =>
  Effect.sync(() => response.writeHead(200, { "content-type": "text/event-stream" }))

export const write = ({ response }: Received, text: string) => Effect.sync(() => response.write(text))

export const end = ({ response }: Received, text = "data: [DONE]\n\n") => Effect.sync(() => response.end(text))
