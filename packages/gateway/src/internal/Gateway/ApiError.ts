/**
 * An error of the gateway itself, in the shape that OpenAI's libraries parse: `{ "error": { message, type, param, code } }`. Error responses of
 * providers keep their own shape.
 */
import { Schema } from "effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"

export class ApiError extends Schema.TaggedError<ApiError>()("ApiError", {
  status: Schema.Int,
  /** What happened, to what, and what to do next. Never contains a secret. */
  message: Schema.String,
  code: Schema.NullOr(Schema.String),
  param: Schema.optionalKey(Schema.NullOr(Schema.String)),
  retryAfterSeconds: Schema.optionalKey(Schema.Int),
  /** Whether client libraries may retry by themselves: `false` if the provider may have acted on the request. */
  retry: Schema.optionalKey(Schema.Boolean),
  /** The methods that the resource supports. */
  allow: Schema.optionalKey(Schema.String),
}) {
  /** The body of a response, or the data of the last event of a stream. */
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
