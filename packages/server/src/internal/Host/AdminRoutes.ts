/**
 * Everything that is not the gateway's: loaded and built when somebody first asks for it, or a moment after the start. It is half of a host's
 * code, and no start needs it.
 */
import { Context, Effect, Layer, type Scope, Stream } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { isHttpServerError } from "effect/http/HttpServerError"
import { Features } from "../../HostConfig.ts"
import type { AdminApp } from "./AdminApp.ts"

type Needs<E> = E extends Effect.Effect<any, any, infer R> ? Exclude<R, Scope.Scope> : never

/** When nobody has asked. */
const afterStart = "1 second"

export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    // A router of its own: with the memo map of this one it would be this one, whose paths are taken and whose middleware is fixed by now.
    const context = Context.omit(Layer.CurrentMemoMap)(yield* Effect.context<Needs<AdminApp> | Scope.Scope>())
    // Uninterruptible: the first who asks may leave, the others wait for the same.
    const app = yield* Effect.promise(() => import("./AdminApp.ts")).pipe(
      // In this context and in nothing of the request that comes first: its token would be everybody's.
      Effect.flatMap(({ app }) => Effect.updateContext(app, (_: Context.Context<never>) => context)),
      Effect.uninterruptible,
      Effect.cached,
    )
    yield* router.add("*", "/*", Effect.flatten(app))
    // What is no path fits no route, not even that one. The other router has the words for it, but for paths of the gateway.
    yield* router.addGlobalMiddleware((effect) =>
      Effect.catch(effect, (error) => {
        const unanswered = Effect.fail(error)
        return isNotRouted(error) ? Effect.catch(Effect.flatten(app), () => unanswered) : unanswered
      }),
    )
    // Calls are counted from the moment telemetry is on.
    const telemetry = Stream.filter((yield* Features).changes, ({ telemetry }) => telemetry)
    yield* Effect.forkScoped(
      Effect.raceFirst(Effect.sleep(afterStart), Stream.runDrain(Stream.take(telemetry, 1))).pipe(Effect.andThen(app)),
    )
  }),
)

const isNotRouted = (error: unknown): boolean => isHttpServerError(error) && error.reason._tag === "RouteNotFound"
