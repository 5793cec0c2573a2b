/**
 * Protects the whole server, gateway included, from pages of other sites. A browser on this machine can reach a loopback port from any page: through a
 * name that resolves to 127.0.0.1 (DNS rebinding, so Host must be a name of this host), or with a cross-origin request (Origin, Sec-Fetch-Site).
 * Programs send neither Origin nor Sec-Fetch-Site. The server never sends CORS headers.
 */

import type { IncomingMessage } from "node:http"
import { isIP } from "node:net"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { Context, Effect } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerRespondable from "effect/http/HttpServerRespondable"
import { isLoopback } from "./Loopback.ts"

export interface HostNames {
  readonly address: string
  readonly names: ReadonlyArray<string>
}

/**
 * The address that this host listens on and its names besides loopback ones. Beyond loopback, any IP address is accepted as Host, since rebinding
 * requires a name, and every name in `names`. Read when the guard is built.
 */
export const KnownHosts: Context.Reference<HostNames> = Context.Reference("@signalbox/server/Guard/KnownHosts", {
  defaultValue: (): HostNames => ({ address: "127.0.0.1", names: [] }),
})

/** Middleware for everything that a router serves. */
export const layer = HttpRouter.middleware(
  Effect.map(KnownHosts, ({ address, names }) => {
    const refusal = makeRefusal(address, names)
    return (effect) =>
      Effect.flatMap(HttpServerRequest, (request) => {
        const { headers, httpVersion, rawHeaders, url } = NodeHttpServerRequest.toIncomingMessage(
          request,
        ) as IncomingMessage
        if (hasSeveralHosts(rawHeaders)) return ambiguous
        // The authority of the target takes precedence over Host (RFC 9112, 3.2.2); the server has put it into the header.
        const host = url?.startsWith("/") === false ? request.headers["host"] : headers.host
        const detail = refusal({ host, httpVersion, origin: headers.origin, site: headers["sec-fetch-site"] })
        return detail === undefined ? effect : refuse(detail)
      })
  }),
  { global: true },
)

/** Imports the problems when needed: they are part of the API's contract, which a start does not load. */
const refuse = (detail: string) =>
  Effect.flatMap(
    Effect.promise(() => import("@signalbox/api/Problems")),
    ({ Forbidden }) => HttpServerRespondable.toResponse(new Forbidden({ detail })),
  )

/** Node uses the first Host, but a proxy may use another (RFC 9112, 3.2). */
const hasSeveralHosts = (rawHeaders: ReadonlyArray<string>): boolean => {
  let hosts = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]
    if (name?.length === 4 && name.toLowerCase() === "host") hosts++
  }
  return hosts > 1
}

const ambiguous = Effect.flatMap(
  Effect.promise(() => import("@signalbox/api/Problems")),
  ({ Invalid }) =>
    HttpServerRespondable.toResponse(new Invalid({ detail: "The request has several Host headers. Send one." })),
)

interface RequestOrigin {
  readonly host: string | undefined
  readonly httpVersion?: string
  readonly origin: string | undefined
  readonly site: string | Array<string> | undefined
}

/** Returns the reason for refusing a request, or `undefined`. */
export const makeRefusal = (
  address: string,
  names: ReadonlyArray<string>,
): ((asked: RequestOrigin) => string | undefined) => {
  const known = new Set(names.map((name) => name.toLowerCase()))
  const open = !isLoopback(address)
  const isOwnName = (name: string): boolean =>
    isLoopback(name) || name === address.toLowerCase() || known.has(name) || (open && isIP(name) !== 0)
  return ({ host, httpVersion, origin, site }) => {
    // HTTP/1.0 health checks have no Host. No browser sends such requests, and on loopback they come from this machine.
    if (host === undefined && httpVersion === "1.0" && !open && origin === undefined && site === undefined) {
      return undefined
    }
    const name = host === undefined ? undefined : nameOf(host)
    if (name === undefined || !isOwnName(name)) {
      return "The Host header names another host. Use localhost, the address of this host, or a name in listen.names."
    }
    if (origin !== undefined && !isSameOrigin(origin, host!)) {
      return "The request comes from a page of another origin. This host serves programs and its own pages only."
    }
    return site === "cross-site"
      ? "The request comes from a page of another site. Open the address directly."
      : undefined
  }
}

/** The name in `name`, `name:port` or `[address]:port`, in lower case and without brackets. */
const nameOf = (host: string): string | undefined => {
  const [, address, name] = /^(?:\[([0-9a-f:.]+)\]|([^\s:/?#@[\]\\]+))(?::\d{1,5})?$/i.exec(host) ?? []
  return (address ?? name)?.toLowerCase()
}

const isSameOrigin = (origin: string, host: string): boolean => {
  const [, authority] = /^https?:\/\/([^/]+)$/i.exec(origin) ?? []
  return authority?.toLowerCase() === host.toLowerCase()
}
