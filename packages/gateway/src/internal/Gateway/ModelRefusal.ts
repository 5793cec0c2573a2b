/** Converts a refused model into an error of the gateway. */
import { ModelRefused } from "@signalbox/core/Models"
import { Effect } from "effect"
import { ApiError } from "./ApiError.ts"
import type { Caller } from "./Caller.ts"

export const refusalOf = (
  refused: ModelRefused,
  caller: Caller,
  retryAfterSeconds = 1,
): Effect.Effect<never, ApiError> => Effect.fail(errorOf(refused, caller, retryAfterSeconds))

/** The key's own list does not include the model. */
export const notAllowed = (alias: string): ApiError =>
  new ApiError({
    status: 403,
    param: "model",
    code: "model_not_allowed",
    message: `this key may not use the model ${JSON.stringify(alias)}; GET /v1/models lists the models that it may use`,
  })

const errorOf = (refused: ModelRefused, caller: Caller, retryAfterSeconds: number): ApiError => {
  const { reason } = refused
  if ("alias" in reason && reason._tag !== "UnknownModel" && !caller.mayUse(reason.alias))
    return notAllowed(reason.alias)
  switch (reason._tag) {
    case "UnknownModel": {
      // Suggest only models that this key may use.
      const near = reason.near.filter(caller.mayUse)
      const { message } = new ModelRefused({ reason: { ...reason, near } })
      return new ApiError({
        status: 404,
        param: "model",
        code: "model_not_found",
        message: `${message}; GET /v1/models lists the available ones`,
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
