/**
 * The topmost layer of a host: its routes behind the socket that already listens. When they serve, the host has started. When the Scope closes, it
 * drains the traffic before any service beneath is released.
 */
import * as NodeHttpPlatform from "@effect/platform-node/NodeHttpPlatform"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { HostStarted, HostStopping } from "@signalbox/api/HostEvents"
import { version } from "@signalbox/api/Version"
import { EventBus } from "@signalbox/core/EventBus"
import { CallObserver } from "@signalbox/gateway/CallObserver"
import * as Gateway from "@signalbox/gateway/Gateway"
import { Context, Effect, Layer, Scope, Tracer } from "effect"
import * as Etag from "effect/http/Etag"
import * as HttpRouter from "effect/http/HttpRouter"
import { HostConfig, Listen } from "../../HostConfig.ts"
import { HostServices } from "../../HostServices.ts"
import { Listening } from "../../Listening.ts"
import { StatusFile } from "../../StatusFile.ts"
import * as Guard from "../Guard.ts"
import * as HealthRoutes from "../HealthRoutes.ts"
import { Drained, EndlessResponse, StopSwitch } from "../Stopping.ts"
import * as UnexpectedErrors from "../UnexpectedErrors.ts"
import * as AdminRoutes from "./AdminRoutes.ts"
import { drain } from "./Drain.ts"
import { HostOutput } from "./HostOutput.ts"

/** `Guard` and `UnexpectedErrors` apply to all routes. */
const routes = Layer.mergeAll(
  Guard.layer,
  UnexpectedErrors.layer,
  Gateway.layer(HostServices),
  HealthRoutes.layer,
  AdminRoutes.layer,
).pipe(
  Layer.provide([
    Layer.effect(
      Guard.KnownHosts,
      Effect.zipWith(Listening, Listen.get, ({ host }, { names }) => ({ address: host, names })),
    ),
    Layer.effect(
      EndlessResponse,
      Effect.map(Listening, ({ traffic }) => traffic.markEndless),
    ),
    // The status line shows calls in flight.
    Layer.effect(CallObserver, StatusFile),
    // An alias has up to 200 characters, and one takes up to 12 in a path.
    Layer.succeed(HttpRouter.RouterConfig, { maxParamLength: 2_400 }),
  ]),
)

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { traffic } = yield* Listening
    const { stop } = yield* StopSwitch
    const drained = yield* Drained
    const output = yield* HostOutput
    const bus = yield* EventBus
    const store = yield* HostConfig
    const facts = Effect.map(store.snapshot, ({ revision }) => ({ version, pid: process.pid, revision }))

    const app = yield* HttpRouter.toHttpEffect(routes)
    // A separate scope: requests end by themselves before the remaining ones are interrupted.
    const requests = Scope.makeUnsafe("parallel")
    const handler = yield* withoutParentSpan(NodeHttpServer.makeHandler(app, { scope: requests }))
    yield* Effect.addFinalizer((exit) =>
      Effect.gen(function* () {
        yield* bus.publish(new HostStopping(yield* facts))
        // Lets subscribers receive this event before their feeds end.
        yield* Effect.yieldNow
        yield* stop
        yield* drain(traffic, (text) => output.write({ text }))
        drained.openUnsafe()
        yield* Scope.close(requests, exit)
      }),
    )
    drained.closeUnsafe()
    traffic.serve(handler)
    yield* bus.publish(new HostStarted(yield* facts))
  }),
).pipe(Layer.provide([NodeHttpPlatform.layer, Etag.layerWeak]))

/** Each request starts a trace of its own, even if the host was started within a span. */
const withoutParentSpan = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.updateContext(
    effect,
    (context: Context.Context<R>) => Context.omit(Tracer.ParentSpan)(context) as Context.Context<R>,
  )
