/**
 * The bodies of the admin API: read whole, for those who showed the token, before anything looks at them. Each is bounded, so are all of them
 * together, they come in time, and they nest no deeper than a document may: to parse what does takes seconds in which nobody is served.
 */
import * as Problems from "@signalbox/api/Problems"
import { JsonMembers, maxDepth } from "@signalbox/gateway/JsonMembers"
import { Effect, Fiber, Option, Semaphore } from "effect"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerRespondable from "effect/http/HttpServerRespondable"
import * as HttpServerResponse from "effect/http/HttpServerResponse"

/** Of one body; longer documents are edited as files. */
export const maxBodyBytes = 4 * 1024 * 1024
/** Of all that are under way, by what they announce. */
const maxHeldBytes = 32 * 1024 * 1024
/** From head to end of a body. */
const patience = "30 seconds"

/** For the handlers of one server: the body is there when theirs begins. */
export const makeReading = () => {
  const room = Semaphore.makeUnsafe(maxHeldBytes)
  return <E, R>(handler: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
    Effect.flatMap(HttpServerRequest, (request): Effect.Effect<HttpServerResponse.HttpServerResponse, E, R> => {
      const bytes = announced(request)
      if (bytes === 0) return handler
      const answer = Effect.flatMap(read(request), (refusal) => refusal ?? handler)
      return Effect.flatMap(
        room.withPermitsIfAvailable(bytes)(answer),
        Option.match({ onNone: () => busy, onSome: Effect.succeed }),
      )
    })
}

/** What a body may be; one in chunks announces nothing. */
const announced = ({ headers }: HttpServerRequest): number => {
  if (headers["transfer-encoding"] !== undefined) return maxBodyBytes
  const length = Number(headers["content-length"] ?? 0)
  return Math.min(length, maxBodyBytes)
}

/**
 * What refuses the request, if anything does; the request keeps what was read. A body that ends early or is too long is everybody's matter: see
 * `Answers`.
 */
const read = (
  request: HttpServerRequest,
): Effect.Effect<Effect.Effect<HttpServerResponse.HttpServerResponse> | undefined> =>
  Effect.gen(function* () {
    // Of its own: to interrupt it would cut the connection before the answer. It ends with the body or with the connection.
    const reading = yield* Effect.forkDetach(Effect.orDie(request.arrayBuffer), { startImmediately: true })
    const body = yield* Effect.raceFirst(Fiber.join(reading), Effect.as(Effect.sleep(patience), undefined))
    if (body === undefined) return late
    const members = new JsonMembers()
    members.scan(new Uint8Array(body), 0, body.byteLength)
    return members.isTooDeep ? tooDeep : undefined
  })

const busy = HttpServerRespondable.toResponse(
  new Problems.Busy({
    detail: `Requests of ${maxHeldBytes} bytes are under way, which is as much as there may be. Try again.`,
  }),
)
const tooDeep = HttpServerRespondable.toResponse(
  new Problems.Invalid({
    detail: `The body is nested deeper than ${maxDepth} levels, as no document may be. Make it flatter.`,
  }),
)
/** What has come of the body lives as long as its connection. */
const late = Effect.map(
  HttpServerRespondable.toResponse(
    new Problems.Invalid({
      detail: `The body has not come within ${patience}, and nobody waits for the rest. Send it again, whole.`,
    }),
  ),
  HttpServerResponse.setHeader("connection", "close"),
)
