/**
 * Routes everything outside of the gateway to the admin app, which is loaded and built at the first such request, or a moment after the start. It is
 * half of a host's code, and a start does not need it.
 */
import { Context, Effect, Layer, type Scope, Stream } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { isHttpServerError } from "effect/http/HttpServerError"
import { Features } from "../../HostConfig.ts"
import type { AdminApp } from "./AdminApp.ts"

type Needs<E> = E extends Effect.Effect<any, any, infer R> ? Exclude<R, Scope.Scope> : never

/** Loads the app if no request has done so. */
const afterStart = "1 second"

export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    // Without the memo map, the app gets a router of its own. The current one has its paths and middleware already.
    const context = Context.omit(Layer.CurrentMemoMap)(yield* Effect.context<Needs<AdminApp> | Scope.Scope>())
    // Uninterruptible: the first client may leave while others wait for the app.
    const app = yield* Effect.promise(() => import("./AdminApp.ts")).pipe(
      // Built in this context only: the context of the first request must not leak into later ones.
      Effect.flatMap(({ app }) => Effect.updateContext(app, (_: Context.Context<never>) => context)),
      Effect.uninterruptible,
      Effect.cached,
    )
    yield* router.add("*", "/*", Effect.flatten(app))
    // A path with an invalid escape matches no route. The app's router reports it, except for paths of the gateway.
    yield* router.addGlobalMiddleware((effect) =>
      Effect.catch(effect, (error) => {
        const unhandled = Effect.fail(error)
        return isNotRouted(error) ? Effect.catch(Effect.flatten(app), () => unhandled) : unhandled
      }),
    )
    // Metrics count calls from the moment telemetry is on.
    const telemetry = Stream.filter((yield* Features).changes, ({ telemetry }) => telemetry)
    yield* Effect.forkScoped(
      Effect.raceFirst(Effect.sleep(afterStart), Stream.runDrain(Stream.take(telemetry, 1))).pipe(Effect.andThen(app)),
    )
  }),
)

const isNotRouted = (error: unknown): boolean => isHttpServerError(error) && error.reason._tag === "RouteNotFound"
