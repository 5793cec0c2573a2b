/**
 * Keeps pages of other sites away from the whole server, gateway included. A browser on this machine can reach a loopback port from any page it
 * shows: by a name that resolves to 127.0.0.1 (DNS rebinding; so the Host must be a name of this host), by a request across origins (Origin,
 * Sec-Fetch-Site). Programs send neither Origin nor Sec-Fetch-Site and notice nothing. There are no CORS headers, ever.
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
 * Under which hosts this one may be asked for besides loopback names and addresses. `address`: where it listens. With another than a loopback
 * address every IP address is fine, since rebinding needs a name, and the names that `names` lists. Read when the guard is built.
 */
export const KnownHosts: Context.Reference<HostNames> = Context.Reference("@signalbox/server/Guard/KnownHosts", {
  defaultValue: (): HostNames => ({ address: "127.0.0.1", names: [] }),
})

/** For a router: everything that it serves. */
export const layer = HttpRouter.middleware(
  Effect.map(KnownHosts, ({ address, names }) => {
    const refusal = makeRefusal(address, names)
    return (effect) =>
      Effect.flatMap(HttpServerRequest, (request) => {
        const { headers, httpVersion, rawHeaders, url } = NodeHttpServerRequest.toIncomingMessage(
          request,
        ) as IncomingMessage
        if (hasSeveralHosts(rawHeaders)) return ambiguous
        // A target with an authority of its own counts instead of Host (RFC 9112, 3.2.2): the server has put it there.
        const host = url?.startsWith("/") === false ? request.headers["host"] : headers.host
        const detail = refusal({ host, httpVersion, origin: headers.origin, site: headers["sec-fetch-site"] })
        return detail === undefined ? effect : refuse(detail)
      })
  }),
  { global: true },
)

/** Problems are part of the API's contract, which a start does not need. */
const refuse = (detail: string) =>
  Effect.flatMap(
    Effect.promise(() => import("@signalbox/api/Problems")),
    ({ Forbidden }) => HttpServerRespondable.toResponse(new Forbidden({ detail })),
  )

/** Node takes the first; who stands between may have taken another (RFC 9112, 3.2). */
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

/** Why a request is refused, or nothing. */
export const makeRefusal = (
  address: string,
  names: ReadonlyArray<string>,
): ((asked: RequestOrigin) => string | undefined) => {
  const known = new Set(names.map((name) => name.toLowerCase()))
  const open = !isLoopback(address)
  const isOwnName = (name: string): boolean =>
    isLoopback(name) || name === address.toLowerCase() || known.has(name) || (open && isIP(name) !== 0)
  return ({ host, httpVersion, origin, site }) => {
    // Health checks of the old kind: no browser asks like this, and whoever does is on this machine.
    if (host === undefined && httpVersion === "1.0" && !open && origin === undefined && site === undefined) {
      return undefined
    }
    const name = host === undefined ? undefined : nameOf(host)
    if (name === undefined || !isOwnName(name)) {
      return "The Host header names another host. Ask for this one by localhost, by its address, or by a name that it knows."
    }
    if (origin !== undefined && !isSameOrigin(origin, host!)) {
      return "The request comes from a page of another origin. This host serves programs, and pages of its own only."
    }
    return site === "cross-site"
      ? "The request comes from a page of another site. Open the address by itself."
      : undefined
  }
}

/** Of `name`, `name:port`, `[address]:port`; in lower case, without brackets. */
const nameOf = (host: string): string | undefined => {
  const [, address, name] = /^(?:\[([0-9a-f:.]+)\]|([^\s:/?#@[\]\\]+))(?::\d{1,5})?$/i.exec(host) ?? []
  return (address ?? name)?.toLowerCase()
}

const isSameOrigin = (origin: string, host: string): boolean => {
  const [, authority] = /^https?:\/\/([^/]+)$/i.exec(origin) ?? []
  return authority?.toLowerCase() === host.toLowerCase()
}
