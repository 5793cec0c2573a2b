/**
 * The typed client of one part of the admin API, so that a command loads no more of the contract than it asks for: all of it takes as long as
 * half a start of node.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Authorization } from "@signalbox/api/Authorization"
import { Requests } from "@signalbox/api/Requests"
import { Effect } from "effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import type { Host } from "./Host.ts"

/** Those of `group`, under the middleware that every part of the API is under. */
export const clientOf = <const Group extends HttpApiGroup.Constraint>({ note, token }: Host, group: Group) =>
  HttpApiClient.make(HttpApi.make("signalbox").add(group).middleware(Authorization).middleware(Requests), {
    transformClient: HttpClient.mapRequest(HttpClientRequest.prependUrl(note.url)),
  }).pipe(
    Effect.provide(
      HttpApiMiddleware.layerClient(Authorization, ({ next, request }) =>
        next(HttpClientRequest.bearerToken(request, token)),
      ),
    ),
    Effect.provide(NodeHttpClient.layerNodeHttp),
  )
