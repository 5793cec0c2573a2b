/**
 * The typed client of one part of the admin API, so that a command loads no more of the contract than it asks for: all of it takes as long as
 * half a start of node.
 */
import { Authorization } from "@signalbox/api/Authorization"
import { Requests } from "@signalbox/api/Requests"
import type { HostNote } from "@signalbox/server/HostNote"
import { Effect } from "effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import { silent } from "./Failure.ts"
import { whileWaiting } from "./Print.ts"
import type { Host } from "./RunningHost.ts"
import * as Transport from "./Transport.ts"

/** Building what a change needs may take half as long. */
const patience = "60 seconds"

/** As long as it takes to begin an answer; how long a stream goes on is another matter. */
const patiently =
  (note: HostNote) =>
  <A, E, R>(answer: Effect.Effect<A, E, R>, request: HttpClientRequest.HttpClientRequest) =>
    Effect.timeoutOrElse(answer, {
      duration: patience,
      orElse: () =>
        Effect.fail(
          new HttpClientError.HttpClientError({
            reason: new HttpClientError.TransportError({ request, cause: silent(note) }),
          }),
        ),
    }).pipe(whileWaiting("asking the host"))

/** Those of `group`, under the middleware that every part of the API is under. */
export const clientOf = <const Group extends HttpApiGroup.Constraint>({ note, token }: Host, group: Group) =>
  HttpApiClient.make(HttpApi.make("signalbox").add(group).middleware(Authorization).middleware(Requests), {
    transformClient: (client) =>
      HttpClient.transform(HttpClient.mapRequest(client, HttpClientRequest.prependUrl(note.url)), patiently(note)),
  }).pipe(
    Effect.provide(
      HttpApiMiddleware.layerClient(Authorization, ({ next, request }) =>
        next(HttpClientRequest.bearerToken(request, token)),
      ),
    ),
    Effect.provideService(HttpClient.HttpClient, Transport.client),
  )
