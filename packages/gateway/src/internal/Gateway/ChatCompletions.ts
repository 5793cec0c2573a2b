/**
 * `POST /v1/chat/completions`: who calls, for which model, where that goes, and what the ledger says of it afterwards. The bytes
 * themselves are carried by `Call`.
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
import { Call } from "./Call.ts"
import type { Caller, Identify } from "./Caller.ts"
import { forwardedHeaders } from "./HeaderFilter.ts"
import { notAllowed, refusalOf } from "./ModelRefusal.ts"
import type { Probes } from "./Probes.ts"
import { clientOf } from "./ProviderRefusal.ts"
import { BodyReader, type BufferedBytes, type ChatRequest, parseChat } from "./RequestBody.ts"
import { tokensOf } from "./Usage.ts"

/** What lives as long as the gateway. */
export interface GatewayState {
  readonly ledger: StatsLedger["Service"]
  readonly providers: Providers["Service"]
  readonly clock: Clock.Clock
  readonly probes: Probes
  readonly buffered: BufferedBytes
  readonly observer: Observer
}

/** From head to body; then the caller's key is looked up again. */
const reidentifyAfterMillis = 1_000

/** Where a request goes; `probe` is the outage that it is to end. */
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
    const response = NodeHttpServerRequest.toServerResponse(request) as ServerResponse
    const body = new BodyReader(source, response, state.buffered)
    const arrived = state.clock.currentTimeMillisUnsafe()
    const answered = Effect.flatMap(afterEarlierResponses(body.bytes, source, response), (bytes) => {
      // A body may take minutes: who holds one back must not get in by a key that was revoked meanwhile.
      const isLate = Math.abs(state.clock.currentTimeMillisUnsafe() - arrived) >= reidentifyAfterMillis
      const known = isLate ? identify() : Result.succeed(caller)
      const chat = Result.flatMap(known, (caller) => Result.map(parseChat(bytes), (chat) => ({ caller, chat })))
      if (Result.isFailure(chat)) return Effect.fail(chat.failure)
      const asked = chat.success
      return Effect.flatMap(destinationOf(state, models, asked.caller, asked.chat.model), (destination) =>
        runCall(state, clients, { ...asked, destination, source, response }),
      )
    })
    return Effect.onExitPrimitive(answered, () => {
      body.release()
      return undefined
    })
  })

/**
 * A request that came on its connection before the answer to another one has ended (pipelining) waits until its own could be sent. What was
 * written before would pile up, and Node stops reading from a connection where it does: nobody would notice that the caller has gone.
 */
const afterEarlierResponses = (
  body: Effect.Effect<Buffer, ApiError>,
  { socket }: IncomingMessage,
  response: ServerResponse,
): Effect.Effect<Buffer, ApiError> => {
  if (response.socket !== null) return body
  const turn = Effect.callback<void>((resume) => {
    const gone = () => resume(Effect.interrupt)
    const begin = () => {
      socket.off("close", gone)
      resume(Effect.void)
    }
    if (response.socket !== null) return begin()
    if (socket.destroyed) return gone()
    response.once("socket", begin)
    socket.once("close", gone)
    return Effect.sync(() => {
      response.off("socket", begin)
      socket.off("close", gone)
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

/** A provider that is down is tried again by one of the requests for it; the others are refused, which the ledger learns. */
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
  // It may have come back since.
  if (outage === undefined || probes.begin(outage, now)) {
    const route = (yield* models.list(caller.key)).find((route) => route.alias === alias)
    if (route !== undefined) return { route, probe: outage }
    if (outage !== undefined) probes.end(outage, undefined, now)
  }
  yield* ledger.record({ provider, model: alias, key: caller.key ?? "", error: "down" })
  return yield* refusalOf(refused, caller, outage && probes.retryAfterSeconds(outage, now))
})

/** One call, ready to go. */
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
  Effect.suspend(() => {
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
      headers: forwardedHeaders(source.headers),
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
    // An answer that comes whole has nobody waiting in the middle of it, and ends with its client if that is let go.
    const watched = chat.stream ? Effect.andThen(endWhenDrained(call), exchange) : exchange
    const recorded = Effect.onExitPrimitive(
      responding === undefined ? watched : Effect.andThen(recoverWhen(state, responding, route.provider), watched),
      () => {
        // Interrupted before it began: nothing has happened that anybody would count.
        if (endObservation === undefined) return undefined
        endObservation()
        upstream.load.inFlight--
        return recordOutcome(state, prepared, call, started)
      },
    )
    return Effect.map(recorded, (answer) => {
      call.send()
      return answer
    })
  })

/** A call for which there is no client that could send it. */
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

/** What follows from a call: its entry, and whether its provider is up. */
const recordOutcome = (
  { clock, ledger, probes, providers }: GatewayState,
  { caller, destination }: PreparedCall,
  call: Call,
  started: number,
): Effect.Effect<void> => {
  const { probe, route } = destination
  const { failure, respondedAt } = call
  const now = clock.currentTimeMillisUnsafe()
  // It has come back when it answers; to take a request and break off is not enough. A caller that left has seen nothing.
  const cameBack = respondedAt !== undefined ? true : failure === undefined ? undefined : false
  if (probe !== undefined) probes.end(probe, cameBack, now)
  const recorded = ledger.record(outcome(entryOf(route, caller), call, started, now))
  const outage = providers.outage(route.provider)
  // What began before the outage says nothing about it.
  if (outage !== undefined && respondedAt !== undefined && respondedAt >= outage.since) {
    return Effect.andThen(recorded, providers.recovered(route.provider))
  }
  if (failure?.isDown === true) return Effect.andThen(recorded, providers.failed(route.provider, failure.description))
  return recorded
}

/** Not when the answer has ended: it may take minutes, and the others wait. */
const recoverWhen = ({ providers }: GatewayState, responding: Deferred.Deferred<void>, provider: string) =>
  Effect.forkChild(Effect.andThen(Deferred.await(responding), providers.recovered(provider)))

/** The answer has been written already; its status is for whoever logs it. */
const emptyResponse = (status = 200) => {
  const known = emptyResponses.get(status)
  if (known !== undefined) return known
  const answer = Effect.succeed(HttpServerResponse.empty({ status }))
  emptyResponses.set(status, answer)
  return answer
}
/** At most one for each status that there is. */
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
