/** Describes requests that do not match the contract: where they differ and what the contract expects. It never quotes the request. */
import { Internal, Invalid } from "@signalbox/api/Problems"
import { Requests } from "@signalbox/api/Requests"
import { Effect, type Layer, SchemaIssue } from "effect"
import { type HttpApiError, HttpApiMiddleware } from "effect/http-api"

const maxErrors = 32

export const layer: Layer.Layer<Requests> = HttpApiMiddleware.layerSchemaErrorTransform(Requests, (error) => {
  if (error.kind !== "Body" && error.kind !== "ResponseHeaders") return Effect.fail(invalid(error))
  return Effect.andThen(
    Effect.logError(`A response does not match the contract: ${error.cause.message}`),
    Effect.fail(new Internal({ detail: "The host failed to encode the response. Its log has the cause." })),
  )
})

/** Issues contain no input unless a parser is configured to report it, and the contract's own messages are constant. */
const format = SchemaIssue.makeFormatterStandardSchemaV1()

const invalid = ({ cause, kind }: HttpApiError.HttpApiSchemaError): Invalid => {
  const slot = kind.toLowerCase()
  const errors = format(cause.issue)
    .issues.slice(0, maxErrors)
    .map(({ message, path = [] }) => ({ path: [slot, ...path.map(segment)], message }))
  const [first] = errors
  const at = first === undefined ? slot : first.path.join(".")
  const message = first === undefined ? "" : `: ${first.message}`
  return new Invalid({ detail: `The request does not match the contract at ${at}${message}. See /docs.`, errors })
}

const segment = (part: PropertyKey | { readonly key: PropertyKey }): string | number => {
  const key = typeof part === "object" ? part.key : part
  return typeof key === "number" ? key : String(key)
}
