/** The provider: a short completion, or a stream of 200 chunks, each written on its own. */
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { report } from "./process.ts"

const chunks = 200

const completion = Buffer.from(
  JSON.stringify({
    id: "chatcmpl-ABCDEFGHIJKLMNOPQRSTUVWXYZ012",
    object: "chat.completion",
    created: 1_700_000_000,
    model: "gpt-4.1-mini-2025-04-14",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: "Hello! How can I help you today?", refusal: null, annotations: [] },
        logprobs: null,
        finish_reason: "stop",
      },
    ],
    usage: {
      prompt_tokens: 19,
      completion_tokens: 10,
      total_tokens: 29,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0 },
    },
    service_tier: "default",
    system_fingerprint: "fp_1234567890",
  }),
)

const event = Buffer.from(
  `data: ${JSON.stringify({
    id: "chatcmpl-ABCDEFGHIJKLMNOPQRSTUVWXYZ012",
    object: "chat.completion.chunk",
    created: 1_700_000_000,
    model: "gpt-4.1-mini-2025-04-14",
    service_tier: "default",
    system_fingerprint: "fp_1234567890",
    choices: [{ index: 0, delta: { content: " word" }, logprobs: null, finish_reason: null }],
  })}\n\n`,
)

// A timer for each chunk, so that a proxy that is late does not find several of them in one read.
const stream = (response: ServerResponse): void => {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" })
  let sent = 0
  const next = () => {
    if (response.destroyed) return
    if (sent++ === chunks) {
      response.end("data: [DONE]\n\n")
      return
    }
    response.write(event)
    setTimeout(next, 2)
  }
  next()
}

const server = createServer((request, response) => {
  let isStream = false
  request.on("data", (chunk: Buffer) => {
    isStream ||= chunk.includes('"stream":true')
  })
  request.on("end", () => {
    if (isStream) stream(response)
    else response.writeHead(200, { "content-type": "application/json" }).end(completion)
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, "127.0.0.1", () => report({ port: (server.address() as AddressInfo).port }))
