/** `GET /v1/models` and `GET /v1/models/{id}`: what this caller may use. */
import type { Models, Route } from "@signalbox/core/Models"
import { Effect, Option } from "effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { ApiError } from "./ApiError.ts"
import type { Caller } from "./Caller.ts"

export const listModels = (models: Models["Service"], caller: Caller) =>
  Effect.map(usable(models, caller), (routes) => answer({ object: "list", data: routes.map(described) }))

/** `url` ends with the id, percent-encoded; an alias may have slashes in it. */
export const showModel = (models: Models["Service"], caller: Caller, url: string) =>
  Effect.flatMap(usable(models, caller), (routes) => {
    const id = Option.getOrUndefined(decode(url.split("?", 1)[0]!.slice("/v1/models/".length)))
    const route = routes.find(({ alias }) => alias === id)
    return route === undefined
      ? Effect.fail(
          new ApiError({
            status: 404,
            param: "model",
            code: "model_not_found",
            message: `there is no model ${JSON.stringify((id ?? "").slice(0, 200))} for you; GET /v1/models lists those that there are`,
          }),
        )
      : Effect.succeed(answer(described(route)))
  })

const usable = (models: Models["Service"], caller: Caller) =>
  Effect.map(models.list(caller.key), (routes) => routes.filter(({ alias }) => caller.mayUse(alias)))

/** Nobody knows when a model was made; the format wants a number. */
const described = ({ alias, provider }: Route) => ({ id: alias, object: "model", created: 0, owned_by: provider })

const answer = (value: object) =>
  HttpServerResponse.text(JSON.stringify(value), {
    contentType: "application/json",
    headers: { "cache-control": "no-store" },
  })

const decode = Option.liftThrowable(decodeURIComponent)
