/** Requests that do not fit the contract, told in words of the contract: where they differ and what is expected, never what was sent. */
import { Internal, Invalid } from "@signalbox/api/Problems"
import { Requests } from "@signalbox/api/Requests"
import { Effect, type Layer, SchemaIssue } from "effect"
import { type HttpApiError, HttpApiMiddleware } from "effect/http-api"

const maxErrors = 32

export const layer: Layer.Layer<Requests> = HttpApiMiddleware.layerSchemaErrorTransform(Requests, (error) => {
  if (error.kind !== "Body" && error.kind !== "ResponseHeaders") return Effect.fail(invalid(error))
  return Effect.andThen(
    Effect.logError(`An answer does not fit the contract: ${error.cause.message}`),
    Effect.fail(new Internal({ detail: "The answer could not be written. The host's log says more." })),
  )
})

/** Issues do not hold their input unless a parser is told to report it, and the contract's own messages are fixed. */
const format = SchemaIssue.makeFormatterStandardSchemaV1()

const invalid = ({ cause, kind }: HttpApiError.HttpApiSchemaError): Invalid => {
  const slot = kind.toLowerCase()
  const errors = format(cause.issue)
    .issues.slice(0, maxErrors)
    .map(({ message, path = [] }) => ({ path: [slot, ...path.map(segment)], message }))
  const [first] = errors
  const at = first === undefined ? slot : first.path.join(".")
  const message = first === undefined ? "" : `: ${first.message}`
  return new Invalid({ detail: `The request does not fit the contract at ${at}${message}. See /docs.`, errors })
}

const segment = (part: PropertyKey | { readonly key: PropertyKey }): string | number => {
  const key = typeof part === "object" ? part.key : part
  return typeof key === "number" ? key : String(key)
}
