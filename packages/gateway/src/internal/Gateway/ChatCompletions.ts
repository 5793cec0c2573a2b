/**
 * `POST /v1/chat/completions`: identifies the caller, resolves the model, chooses the provider, and records the call in the ledger. `Call` carries
 * the bytes. This is the hot path: its functions are untraced, and `AttemptSpan` makes the only span.
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { type ModelRefused, Models, type Route } from "@signalbox/core/Models"
import type { Outage, Providers } from "@signalbox/core/Providers"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import type { LedgerEntryInput, StatsLedger } from "@signalbox/core/StatsLedger"
import { type Clock, Context, Deferred, Effect, Result } from "effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { Observer } from "../../CallObserver.ts"
import { UpstreamClients } from "../../UpstreamClient.ts"
import type { ApiError } from "./ApiError.ts"
import { isTraced, withAttemptSpan } from "./AttemptSpan.ts"
import { Call } from "./Call.ts"
import type { Caller, Identify } from "./Caller.ts"
import { forwardedHeaders } from "./HeaderFilter.ts"
import type { Hops } from "./Hops.ts"
import { notAllowed, refusalOf } from "./ModelRefusal.ts"
import type { Probes } from "./Probes.ts"
import { clientOf } from "./ProviderRefusal.ts"
import { BodyReader, type BufferedBytes, type ChatRequest, parseChat } from "./RequestBody.ts"
import { tokensOf } from "./Usage.ts"

/** The services and the state that live as long as the gateway. */
export interface GatewayState {
  readonly ledger: StatsLedger["Service"]
  readonly providers: Providers["Service"]
  readonly clock: Clock.Clock
  readonly probes: Probes
  readonly buffered: BufferedBytes
  readonly hops: Hops
  readonly observer: Observer
}

/** If the body arrives later than this after the headers, the caller's key is checked again. */
const reidentifyAfterMillis = 1_000

/** The route of a request. `probe` is the outage that the request tests. */
interface Destination {
  readonly route: Route
  readonly probe: Outage | undefined
}

export const chatCompletions = (
  state: GatewayState,
  caller: Caller,
  request: HttpServerRequest,
  identify: Identify,
): Effect.Effect<HttpServerResponse.HttpServerResponse, ApiError, Models | UpstreamClients> =>
  Effect.contextWith((generation: Context.Context<Models | UpstreamClients>) => {
    const models = Context.get(generation, Models)
    const clients = Context.get(generation, UpstreamClients)
    const source = NodeHttpServerRequest.toIncomingMessage(request) as IncomingMessage
    const loop = state.hops.refusalOf(source.headers)
    if (loop !== undefined) return Effect.fail(loop)
    const response = NodeHttpServerRequest.toServerResponse(request) as ServerResponse
    const body = new BodyReader(source, response, state.buffered)
    const arrived = state.clock.currentTimeMillisUnsafe()
    const handled = Effect.flatMap(afterEarlierResponses(body.bytes, source, response), (bytes) => {
      // A body may take minutes. The key may have been revoked since the headers arrived.
      const isLate = Math.abs(state.clock.currentTimeMillisUnsafe() - arrived) >= reidentifyAfterMillis
      const known = isLate ? identify() : Result.succeed(caller)
      const chat = Result.flatMap(known, (caller) => Result.map(parseChat(bytes), (chat) => ({ caller, chat })))
      if (Result.isFailure(chat)) return Effect.fail(chat.failure)
      const accepted = chat.success
      return Effect.flatMap(destinationOf(state, models, accepted.caller, accepted.chat.model), (destination) =>
        runCall(state, clients, { ...accepted, destination, source, response }),
      )
    })
    return Effect.onExitPrimitive(handled, () => {
      body.release()
      return undefined
    })
  })

/**
 * Delays a pipelined request until the responses before it on its connection have ended. Its own response would pile up until then, and Node would
 * stop reading from the connection, so the gateway could not notice that the caller has left.
 */
const afterEarlierResponses = (
  body: Effect.Effect<Buffer, ApiError>,
  { socket }: IncomingMessage,
  response: ServerResponse,
): Effect.Effect<Buffer, ApiError> => {
  if (response.socket !== null) return body
  const turn = Effect.callback<void>((resume) => {
    const closed = () => resume(Effect.interrupt)
    const begin = () => {
      socket.off("close", closed)
      resume(Effect.void)
    }
    if (response.socket !== null) return begin()
    if (socket.destroyed) return closed()
    response.once("socket", begin)
    socket.once("close", closed)
    return Effect.sync(() => {
      response.off("socket", begin)
      socket.off("close", closed)
    })
  })
  return Effect.flatMap(body, (bytes) => Effect.as(turn, bytes))
}

const destinationOf = (
  state: GatewayState,
  models: Models["Service"],
  caller: Caller,
  model: string,
): Effect.Effect<Destination, ApiError> =>
  Effect.matchEffect(models.resolve(model, caller.key), {
    onSuccess: (route) =>
      caller.mayUse(route.alias)
        ? Effect.succeed<Destination>({ route, probe: undefined })
        : Effect.fail(notAllowed(route.alias)),
    onFailure: (refused) => probeOrRefuse(state, models, caller, refused),
  })

/** Lets one request at a time probe a provider that is down. The other requests are refused and recorded. */
const probeOrRefuse = Effect.fnUntraced(function* (
  { clock, ledger, probes, providers }: GatewayState,
  models: Models["Service"],
  caller: Caller,
  refused: ModelRefused,
): Effect.fn.Return<Destination, ApiError> {
  const { reason } = refused
  if (reason._tag !== "ProviderDown" || !caller.mayUse(reason.alias)) return yield* refusalOf(refused, caller)
  const { alias, provider } = reason
  const outage = providers.outage(provider)
  const now = clock.currentTimeMillisUnsafe()
  // Without an outage, the provider has recovered since.
  if (outage === undefined || probes.begin(outage, now)) {
    const route = (yield* models.list(caller.key)).find((route) => route.alias === alias)
    if (route !== undefined) return { route, probe: outage }
    if (outage !== undefined) probes.end(outage, undefined, now)
  }
  yield* ledger.record({ provider, model: alias, key: caller.key ?? "", error: "down" })
  return yield* refusalOf(refused, caller, outage && probes.retryAfterSeconds(outage, now))
})

/** Everything that a call needs. */
interface PreparedCall {
  readonly caller: Caller
  readonly chat: ChatRequest
  readonly destination: Destination
  readonly source: IncomingMessage
  readonly response: ServerResponse
}

const runCall = (
  state: GatewayState,
  clients: UpstreamClients["Service"],
  prepared: PreparedCall,
): Effect.Effect<HttpServerResponse.HttpServerResponse, ApiError> =>
  Effect.withFiber((fiber) => {
    const { chat, destination, response, source } = prepared
    const { probe, route } = destination
    const started = state.clock.currentTimeMillisUnsafe()
    const client = clientOf(clients, route)
    if (Result.isFailure(client)) return refuseBeforeSending(state, prepared, client.failure, started)

    const upstream = client.success
    const responding = probe === undefined ? undefined : Deferred.makeUnsafe<void>()
    let endObservation: (() => void) | undefined
    let ended: (refusal: ApiError | undefined) => void = () => {}
    const call = new Call({
      upstream,
      alias: route.alias,
      body: chat.withModel(route.upstream),
      headers: [...forwardedHeaders(source.headers), ...state.hops.forwarded(source.headers)],
      response,
      buffered: state.buffered,
      now: () => state.clock.currentTimeMillisUnsafe(),
      onResponding: responding && (() => Deferred.doneUnsafe(responding, Effect.void)),
      onEnd: (refusal) => ended(refusal),
    })
    const exchange = Effect.callback<HttpServerResponse.HttpServerResponse, ApiError>((resume) => {
      ended = (refusal) => resume(refusal === undefined ? emptyResponse(call.status) : Effect.fail(refusal))
      endObservation = state.observer.callStarted({ provider: route.provider, model: route.alias })
      upstream.load.inFlight++
      call.begin()
      return Effect.sync(() => call.cancel())
    })
    const attempt = isTraced(fiber) ? withAttemptSpan(exchange, call, route) : exchange
    // Only a stream needs an error event at the drain limit: a buffered response fails when its client is released.
    const watched = chat.stream ? Effect.andThen(endWhenDrained(call), attempt) : attempt
    const recorded = Effect.onExitPrimitive(
      responding === undefined ? watched : Effect.andThen(recoverWhen(state, responding, route.provider), watched),
      () => {
        // Interrupted before it started: there is nothing to record.
        if (endObservation === undefined) return undefined
        endObservation()
        upstream.load.inFlight--
        return recordOutcome(state, prepared, call, started)
      },
    )
    return Effect.map(recorded, (response) => {
      call.send()
      return response
    })
  })

/** Records and refuses a call that no client can send. */
const refuseBeforeSending = (
  state: GatewayState,
  { caller, destination }: PreparedCall,
  refusal: ApiError,
  now: number,
) => {
  const { probe, route } = destination
  if (probe !== undefined) state.probes.end(probe, undefined, now)
  const entry = { ...entryOf(route, caller), error: refusal.code ?? "refused" }
  return Effect.andThen(state.ledger.record(entry), Effect.fail(refusal))
}

/** Records the call in the ledger and updates the provider's outage. */
const recordOutcome = (
  { clock, ledger, probes, providers }: GatewayState,
  { caller, destination }: PreparedCall,
  call: Call,
  started: number,
): Effect.Effect<void> => {
  const { probe, route } = destination
  const { failure, respondedAt } = call
  const now = clock.currentTimeMillisUnsafe()
  // Only response headers prove that the provider is up. If the caller left before them, the outcome is unknown.
  const isUp = respondedAt !== undefined ? true : failure === undefined ? undefined : false
  if (probe !== undefined) probes.end(probe, isUp, now)
  const recorded = ledger.record(outcome(entryOf(route, caller), call, started, now))
  const outage = providers.outage(route.provider)
  // A response from before the outage proves nothing.
  if (outage !== undefined && respondedAt !== undefined && respondedAt >= outage.since) {
    return Effect.andThen(recorded, providers.recovered(route.provider))
  }
  if (failure?.isDown === true) return Effect.andThen(recorded, providers.failed(route.provider, failure.description))
  return recorded
}

/** Reports the recovery with the response headers: the body may take minutes, and other requests are refused until then. */
const recoverWhen = ({ providers }: GatewayState, responding: Deferred.Deferred<void>, provider: string) =>
  Effect.forkChild(Effect.andThen(Deferred.await(responding), providers.recovered(provider)))

/** `Call` has written the response already. The status is for the access log and the request's span. */
const emptyResponse = (status = 200) => {
  const known = emptyResponses.get(status)
  if (known !== undefined) return known
  const response = Effect.succeed(HttpServerResponse.empty({ status }))
  emptyResponses.set(status, response)
  return response
}
/** Bounded by the number of HTTP statuses. */
const emptyResponses = new Map<number, Effect.Effect<HttpServerResponse.HttpServerResponse>>()

const endWhenDrained = (call: Call) =>
  Effect.forkChild(
    Effect.catch(ServiceGraph.drained, (reason) => Effect.sync(() => call.drain(reason.message))),
    { startImmediately: true },
  )

const entryOf = ({ alias, provider, upstream }: Route, { key }: Caller): LedgerEntryInput => ({
  provider,
  model: alias,
  upstream,
  key: key ?? "",
})

const outcome = (entry: LedgerEntryInput, call: Call, started: number, now: number): LedgerEntryInput => ({
  ...entry,
  bytesSent: call.bytesSent,
  bytesReceived: call.bytesReceived,
  latencyMillis: now - started,
  ...(call.usage === undefined ? {} : tokensOf(call.usage.toString())),
  ...(call.status === undefined ? {} : { status: call.status }),
  ...(call.error === undefined ? {} : { error: call.error }),
  ...(call.isStream && call.firstChunkAt !== undefined ? { timeToFirstTokenMillis: call.firstChunkAt - started } : {}),
})
