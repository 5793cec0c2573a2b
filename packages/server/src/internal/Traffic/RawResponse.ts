/**
 * Responses that the server sends without the router: while it starts or stops, and for malformed requests. Paths of the gateway get OpenAI's error
 * object, all others problem details (RFC 9457).
 */
import type { ServerResponse } from "node:http"
import type { Socket } from "node:net"

/** 503 with Retry-After. */
export const respondUnavailable = (response: ServerResponse, path: string): void => {
  const { body, type } = bodyFor(path, 503, "this host is starting or stopping; try again, or use another host")
  response.writeHead(503, { connection: "close", "content-type": type, "retry-after": "1" }).end(body)
}

/** Answers a request that Node could not parse or that did not arrive in time (`code` of Node's error), and closes the connection. */
export const respondUnreadable = (socket: Socket, path: string, code: string | undefined): void => {
  const [status, detail] = reasons.get(code) ?? malformed
  const { body, type } = bodyFor(path, status, detail)
  const head = [
    `HTTP/1.1 ${status} ${titles[status]}`,
    "connection: close",
    `content-type: ${type}`,
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy())
}

type Reason = readonly [status: keyof typeof titles, detail: string]

const malformed: Reason = [400, "this is not a valid HTTP/1.1 request"]
const reasons: ReadonlyMap<string | undefined, Reason> = new Map<string | undefined, Reason>([
  ["HPE_HEADER_OVERFLOW", [431, "the request has more than 16 KiB of headers; send fewer"]],
  ["HPE_CHUNK_EXTENSIONS_OVERFLOW", [413, "the body has more than 16 KiB of chunk extensions; send it without them"]],
  ["ERR_HTTP_REQUEST_TIMEOUT", [408, "the request did not arrive in time; send it again"]],
])

const titles = {
  400: "Bad Request",
  408: "Request Timeout",
  413: "Content Too Large",
  431: "Request Header Fields Too Large",
  503: "Service Unavailable",
} as const

const bodyFor = (path: string, status: keyof typeof titles, detail: string) => {
  if (!path.startsWith("/v1/")) {
    const body = JSON.stringify({ type: "about:blank", status, title: titles[status], detail })
    return { type: "application/problem+json", body }
  }
  const error =
    status === 503
      ? { type: "server_error", code: "unavailable" }
      : { type: "invalid_request_error", code: status === 408 ? "body_incomplete" : null }
  return { type: "application/json", body: JSON.stringify({ error: { message: detail, param: null, ...error } }) }
}
