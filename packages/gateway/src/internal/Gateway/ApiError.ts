/**
 * What the gateway itself refuses, as OpenAI's libraries read it: `{ "error": { message, type, param, code } }`. What a provider answers is
 * never put into this shape, it passes as it is.
 */
import { Schema } from "effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"

export class ApiError extends Schema.TaggedError<ApiError>()("ApiError", {
  status: Schema.Int,
  /** What happened, to what, and what to do now; without secrets. */
  message: Schema.String,
  code: Schema.NullOr(Schema.String),
  param: Schema.optionalKey(Schema.NullOr(Schema.String)),
  retryAfterSeconds: Schema.optionalKey(Schema.Int),
  /** Whether libraries may send the request again by themselves; `false` where the provider may have acted on it. */
  retry: Schema.optionalKey(Schema.Boolean),
  /** Methods of the resource. */
  allow: Schema.optionalKey(Schema.String),
}) {
  /** As in an answer's body, and as in the last event of a stream. */
  get json(): string {
    const { code, message, param = null, status } = this
    return JSON.stringify({ error: { message, type: typeOf(status), param, code } })
  }
}

export const toResponse = (error: ApiError): HttpServerResponse.HttpServerResponse => {
  const headers: Record<string, string> = { "cache-control": "no-store" }
  if (error.retryAfterSeconds !== undefined) headers["retry-after"] = String(error.retryAfterSeconds)
  if (error.retry !== undefined) headers["x-should-retry"] = String(error.retry)
  if (error.allow !== undefined) headers["allow"] = error.allow
  if (error.status === 401) headers["www-authenticate"] = 'Bearer realm="signalbox"'
  return HttpServerResponse.text(error.json, { status: error.status, contentType: "application/json", headers })
}

const typeOf = (status: number): string => {
  switch (status) {
    case 401:
      return "authentication_error"
    case 403:
      return "permission_error"
    case 429:
      return "rate_limit_error"
    case 501:
      return "not_implemented_error"
    default:
      return status >= 500 ? "server_error" : "invalid_request_error"
  }
}
