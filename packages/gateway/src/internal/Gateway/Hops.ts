/**
 * Ends requests that come back. A provider whose `base_url` leads to this gateway, perhaps through others, would get one request after the other
 * until no connection is left. A header therefore lists the gateways that a request has passed.
 */
import { randomUUID } from "node:crypto"
import type { IncomingHttpHeaders } from "node:http"
import { ApiError } from "./ApiError.ts"

const header = "x-signalbox-hops"

/** A request that passed more gateways is refused: no chain is that long, and the header must not grow with each hop. */
const maxHops = 16

export class Hops {
  readonly #own = randomUUID()

  /** Returns the error for a request that must not be sent on. */
  refusalOf(headers: IncomingHttpHeaders): ApiError | undefined {
    const hops = hopsIn(headers)
    if (!hops.includes(this.#own) && hops.length < maxHops) return undefined
    return new ApiError({
      status: 508,
      code: "request_loop",
      message:
        "this request has already passed through this gateway, because the base_url of a provider leads back to it; correct that base_url",
      retry: false,
    })
  }

  /** The header for the next gateway, as name and value. */
  forwarded(headers: IncomingHttpHeaders): readonly [name: string, value: string] {
    return [header, [...hopsIn(headers), this.#own].join(",")]
  }
}

const hopsIn = (headers: IncomingHttpHeaders): ReadonlyArray<string> => {
  const value = headers[header]
  return typeof value === "string" && form.test(value) ? value.split(",") : []
}

const form = /^[\da-f-]{36}(?:,[\da-f-]{36}){0,31}$/
