/** What a caller is told about a model that it does not get, as OpenAI's libraries expect it. */
import { ModelRefused } from "@signalbox/core/Models"
import { Effect } from "effect"
import { ApiError } from "./ApiError.ts"
import type { Caller } from "./Caller.ts"

export const refusalOf = (
  refused: ModelRefused,
  caller: Caller,
  retryAfterSeconds = 1,
): Effect.Effect<never, ApiError> => Effect.fail(errorOf(refused, caller, retryAfterSeconds))

/** The key has no such model in its own list. */
export const notAllowed = (alias: string): ApiError =>
  new ApiError({
    status: 403,
    param: "model",
    code: "model_not_allowed",
    message: `the model ${JSON.stringify(alias)} is not among those that this key may use; GET /v1/models lists them`,
  })

const errorOf = (refused: ModelRefused, caller: Caller, retryAfterSeconds: number): ApiError => {
  const { reason } = refused
  if ("alias" in reason && reason._tag !== "UnknownModel" && !caller.mayUse(reason.alias))
    return notAllowed(reason.alias)
  switch (reason._tag) {
    case "UnknownModel": {
      // Only names that this key may use.
      const near = reason.near.filter(caller.mayUse)
      const { message } = new ModelRefused({ reason: { ...reason, near } })
      return new ApiError({
        status: 404,
        param: "model",
        code: "model_not_found",
        message: `${message}; GET /v1/models lists those that there are`,
      })
    }
    case "ModelDisabled":
      return new ApiError({ status: 404, param: "model", code: "model_disabled", message: refused.message })
    case "ModelNotAllowed":
      return new ApiError({ status: 403, param: "model", code: "model_not_allowed", message: refused.message })
    case "ProviderDown":
      return new ApiError({
        status: 503,
        param: "model",
        code: "provider_down",
        message: refused.message,
        retryAfterSeconds,
        retry: true,
      })
  }
}
