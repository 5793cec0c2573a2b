/**
 * What a server says by itself, without the router: while it starts or stops, and to what is no request. In the words of whom it was meant for:
 * OpenAI's error object, else problem details (RFC 9457).
 */
import type { ServerResponse } from "node:http"
import type { Socket } from "node:net"

/** 503: come again in a second, or go elsewhere. */
export const respondUnavailable = (response: ServerResponse, path: string): void => {
  const { body, type } = bodyFor(
    path,
    503,
    "this host is not serving at the moment: it starts or stops; try again, or another host",
  )
  response.writeHead(503, { connection: "close", "content-type": type, "retry-after": "1" }).end(body)
}

/** To a connection on which something came that Node cannot read as a request (its error's `code` says why), or not in time. Ends it. */
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

const malformed: Reason = [400, "this is no request of HTTP/1.1; nothing of it was read"]
const reasons: ReadonlyMap<string | undefined, Reason> = new Map<string | undefined, Reason>([
  ["HPE_HEADER_OVERFLOW", [431, "the request has more than 16 KiB of headers; send fewer"]],
  ["HPE_CHUNK_EXTENSIONS_OVERFLOW", [413, "the body has more than 16 KiB of chunk extensions; send it without them"]],
  ["ERR_HTTP_REQUEST_TIMEOUT", [408, "the request has not come whole in time; send it again"]],
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
