/** `GET /v1/models` and `GET /v1/models/{id}`: the models that the caller may use. */
import type { Models, Route } from "@signalbox/core/Models"
import { Effect, Option } from "effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { ApiError } from "./ApiError.ts"
import type { Caller } from "./Caller.ts"

/** `url` ends with the percent-encoded alias, which may contain slashes. Without an alias the result is the whole list. */
export const modelsAt = (url: string, models: Models["Service"], caller: Caller) => {
  const rest = url.split("?", 1)[0]!.slice("/v1/models/".length)
  return Effect.flatMap(usable(models, caller), (routes) =>
    rest === ""
      ? Effect.succeed(respond({ object: "list", data: routes.map(modelObject) }))
      : modelOf(Option.getOrUndefined(decode(rest)), routes),
  )
}

const modelOf = (id: string | undefined, routes: ReadonlyArray<Route>) =>
  Effect.suspend(() => {
    const route = routes.find(({ alias }) => alias === id)
    return route === undefined
      ? Effect.fail(
          new ApiError({
            status: 404,
            param: "model",
            code: "model_not_found",
            message: `the model ${JSON.stringify((id ?? "").slice(0, 200))} does not exist or is not available to you; GET /v1/models lists the available ones`,
          }),
        )
      : Effect.succeed(respond(modelObject(route)))
  })

const usable = (models: Models["Service"], caller: Caller) =>
  Effect.map(models.list(caller.key), (routes) => routes.filter(({ alias }) => caller.mayUse(alias)))

/** The format requires `created`, which the gateway does not know. */
const modelObject = ({ alias, provider }: Route) => ({ id: alias, object: "model", created: 0, owned_by: provider })

const respond = (value: object) =>
  HttpServerResponse.text(JSON.stringify(value), {
    contentType: "application/json",
    headers: { "cache-control": "no-store" },
  })

const decode = Option.liftThrowable(decodeURIComponent)
