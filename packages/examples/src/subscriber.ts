/**
 * A service that reconfigures itself on `config.changed` instead of being rebuilt. Callers that hold a permit keep it, waiting callers
 * continue to wait, and only the number of permits changes. (A service that follows one value is simpler with `Setting.changes`.)
 */
import { ConfigEvents, ConfigStore, EventBus, Narration } from "@signalbox/core"
import { Signalbox } from "@signalbox/node"
import { Context, Effect, Layer, Schema, Semaphore, Stream } from "effect"

export class AppConfig extends ConfigStore.Service<AppConfig>()("subscriber/Config", {
  schema: Schema.Struct({
    limits: Schema.Struct({ requests: Schema.Int.check(Schema.isGreaterThan(0)) }),
    greeting: Schema.String,
  }),
  seed: `{
  "limits": { "requests": 2 },
  "greeting": "hello"
}\n`,
}) {}

export class RequestLimit extends Context.Service<
  RequestLimit,
  {
    /** Runs the effect as soon as one of the permits is free. */
    readonly withPermit: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
    /** Counts changes of the number of permits. */
    readonly resized: Effect.Effect<number>
  }
>()("subscriber/RequestLimit") {
  static readonly layer = Layer.effect(
    RequestLimit,
    Effect.gen(function* () {
      const config = yield* AppConfig
      const bus = yield* EventBus
      const permits = Effect.map(config.snapshot, (snapshot) => snapshot.config.limits.requests)

      // Subscribe first, then read: a change in between is not missed.
      const changes = yield* bus.subscribe({ types: [ConfigEvents.ConfigChanged], name: "request limit" })
      const semaphore = yield* Semaphore.make(yield* permits)
      let resized = 0

      yield* changes.pipe(
        // A Gap counts lost events. One of them may have changed the limit, so the state is read again.
        Stream.filter((item) => item._tag === "Gap" || item.event.truncated || item.event.paths.some(isOurs)),
        Stream.runForEach(() =>
          Effect.flatMap(permits, (count) => {
            resized++
            return Effect.andThen(semaphore.resize(count), Effect.log(`up to ${count} requests at a time`))
          }),
        ),
        Effect.forkScoped,
      )
      return RequestLimit.of({ withPermit: semaphore.withPermits(1), resized: Effect.sync(() => resized) })
    }),
  )
}

const isOurs = (path: string): boolean => path === "/limits" || path.startsWith("/limits/")

if (process.argv[1] === import.meta.filename) {
  Signalbox.runMain(
    Layer.merge(RequestLimit.layer, Narration.layer(AppConfig)).pipe(
      Layer.provide(AppConfig.layer),
      Layer.provide(Signalbox.layerFor("signalbox-subscriber")),
    ),
  )
}
