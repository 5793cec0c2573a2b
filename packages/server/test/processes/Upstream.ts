/** A provider with OpenAI's protocol that a test controls: each stream sends its first chunk, and the rest on `finish`. */
import { createServer, type ServerResponse } from "node:http"
import { Effect, Latch, Queue, type Scope } from "effect"

export interface Upstream {
  readonly url: string
  /** One stream for each request, after its first chunk was sent. */
  readonly streams: Queue.Dequeue<Stream>
}

export interface Stream {
  readonly authorization: string | undefined
  /** Sends the rest and ends. */
  readonly finish: () => void
}

/** The content of every stream, a chunk for each word. */
export const words = ["One", " request", " from", " its", " start", " to", " its", " end", "."]

export const makeUpstream: Effect.Effect<Upstream, never, Scope.Scope> = Effect.gen(function* () {
  const streams = yield* Queue.unbounded<Stream>()
  const server = createServer((request, response) => {
    request.resume()
    request.on("end", () => {
      const [first = "", ...others] = words
      response.writeHead(200, { "content-type": "text/event-stream" })
      write(response, first)
      const finish = () => {
        for (const word of others) write(response, word)
        response.end("data: [DONE]\n\n")
      }
      Queue.offerUnsafe(streams, { authorization: request.headers.authorization, finish })
    })
  })
  const listens = Latch.makeUnsafe(false)
  yield* Effect.acquireRelease(
    Effect.sync(() => server.listen(0, "127.0.0.1", () => listens.openUnsafe())),
    () =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      }),
  )
  yield* listens.await
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return { url: `http://127.0.0.1:${port}/v1`, streams }
})

const write = (response: ServerResponse, content: string): void => {
  const chunk = {
    id: "c",
    object: "chat.completion.chunk",
    model: "real-1",
    choices: [{ index: 0, delta: { content } }],
  }
  response.write(`data: ${JSON.stringify(chunk)}\n\n`)
}
