/**
 * Selects the headers that pass from the caller to the provider and back. Both lists name only known headers. They never include the caller's
 * identity (Authorization, cookies), the host's account at the provider, or headers of one connection (RFC 9110, 7.6.1).
 */
import type { IncomingHttpHeaders } from "node:http"
import type { ForwardedHeaders } from "../Exchange.ts"

const forwardedNames = ["accept", "user-agent", "openai-beta", "idempotency-key", "traceparent", "tracestate"] as const

/** Headers of the caller's request for the provider. */
export const forwardedHeaders = (headers: IncomingHttpHeaders): ForwardedHeaders => {
  const list: Array<string> = []
  for (const name of forwardedNames) {
    const value = headers[name]
    if (typeof value === "string") list.push(name, value)
  }
  return list
}

const returnedNames = new Set([
  "content-type",
  "content-language",
  "cache-control",
  "retry-after",
  "retry-after-ms",
  "x-should-retry",
  "x-request-id",
  "request-id",
  "openai-processing-ms",
  "openai-version",
])
const returnedPrefixes = ["x-ratelimit-", "ratelimit-"]

/** Headers of the provider's response for the caller, names and values in turn, without values that contain the provider's key. */
export const returnedHeaders = (headers: IncomingHttpHeaders, holdsKey: (value: string) => boolean): Array<string> => {
  const list: Array<string> = []
  for (const name in headers) {
    const value = headers[name]
    if (typeof value !== "string") continue
    if ((returnedNames.has(name) || returnedPrefixes.some((prefix) => name.startsWith(prefix))) && !holdsKey(value)) {
      list.push(name, value)
    }
  }
  return list
}
