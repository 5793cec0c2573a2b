/**
 * An HttpClient on node:http, for a host on this machine: no TLS, no upgrade, no form. Effect's own loads node:https too, which takes as long
 * as half a start of node, and fetch loads undici, which takes as long as a whole one.
 */
import type { ClientRequest, IncomingMessage } from "node:http"
import { createRequire } from "node:module"
import { NodeHttpIncomingMessage } from "@effect/platform-node/NodeHttpIncomingMessage"
import { Effect } from "effect"
import * as Cookies from "effect/http/Cookies"
import * as HttpClient from "effect/http/HttpClient"
import { DecodeError, EncodeError, HttpClientError, TransportError } from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import { type Pipeable, pipeArguments } from "effect/Pipeable"

// As an ES module it brings undici along for exports that nobody here uses.
const http: typeof import("node:http") = createRequire(import.meta.url)("node:http")

export const client = HttpClient.make((request, url, signal) => {
  const { body } = request
  if (body._tag !== "Empty" && body._tag !== "Uint8Array") {
    return Effect.fail(failure(new EncodeError({ request, description: `a ${body._tag} body is not sent from here` })))
  }
  const headers =
    body._tag === "Empty"
      ? request.headers
      : { ...request.headers, "content-type": body.contentType, "content-length": body.contentLength }
  const sent = http.request(url, { agent: false, method: request.method, headers, signal })
  sent.end(body._tag === "Empty" ? undefined : body.body)
  return Effect.map(answered(sent, request), (source) => new Answer(request, source, url.href))
})

const failure = (reason: HttpClientError["reason"]): HttpClientError => new HttpClientError({ reason })

const answered = (sent: ClientRequest, request: HttpClientRequest): Effect.Effect<IncomingMessage, HttpClientError> =>
  Effect.callback((resume) => {
    // Stays for as long as the request does: whoever has the answer reads of its end from the answer.
    sent.on("error", (cause) => resume(Effect.fail(failure(new TransportError({ request, cause })))))
    sent.once("response", (source) => resume(Effect.succeed(source)))
    return Effect.sync(() => sent.destroy())
  })

class Answer
  extends NodeHttpIncomingMessage<HttpClientError>
  implements HttpClientResponse.HttpClientResponse, Pipeable
{
  readonly [HttpClientResponse.TypeId]: typeof HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly cookies = Cookies.empty
  readonly request: HttpClientRequest
  readonly url: string

  constructor(request: HttpClientRequest, source: IncomingMessage, url: string) {
    // What came whole and is no JSON, or what did not come whole.
    super(source, (cause) =>
      failure(
        cause instanceof SyntaxError
          ? new DecodeError({ request, response: this, cause })
          : new TransportError({ request, cause }),
      ),
    )
    this.request = request
    this.url = url
  }

  get status(): number {
    return this.source.statusCode ?? 0
  }

  get formData(): Effect.Effect<FormData, HttpClientError> {
    return this.#unread("a form is not read here")
  }

  get upgrade(): Effect.Effect<never, HttpClientError> {
    return this.#unread("an upgrade is not asked for here")
  }

  #unread(description: string): Effect.Effect<never, HttpClientError> {
    return Effect.fail(failure(new DecodeError({ request: this.request, response: this, description })))
  }

  toJSON(): unknown {
    return { _id: "effect/http/HttpClientResponse", url: this.url, status: this.status }
  }

  pipe() {
    // biome-ignore lint/complexity/noArguments: it is what Pipeable takes.
    return pipeArguments(this, arguments)
  }
}
