/**
 * What a host tells while it runs: every event as a line, what a revision changed, where a refused document is wrong. Each call is told only
 * while `features.debug` is on: a busy host would write of nothing else.
 */
import { registry } from "@signalbox/api/HostEvents"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import type { AnyEvent, Envelope } from "@signalbox/core/Event"
import { EventBus, type Gap } from "@signalbox/core/EventBus"
import { teller } from "@signalbox/core/Narration"
import { StatsRecorded } from "@signalbox/core/StatsEvents"
import { Effect, Layer, Stream } from "effect"
import { Features, HostConfig } from "../../HostConfig.ts"
import { type Line, Output } from "./Output.ts"

/** Everything since the bus began. A narrator that is too slow says how much it missed. */
export const layer: Layer.Layer<never, never, HostConfig | Features | EventBus | ConfigSource | Output> =
  Layer.effectDiscard(
    Effect.gen(function* () {
      const output = yield* Output
      const bus = yield* EventBus
      const { name } = yield* ConfigSource
      const features = yield* Features
      const told = teller(yield* HostConfig, name)
      const { epoch } = yield* bus.cursor
      const events = yield* bus.subscribe({ name: "narrator", types: rare, after: { epoch, sequence: 0 } })

      const lineOf = (item: Envelope<AnyEvent> | Gap): Effect.Effect<Line> =>
        item._tag === "Gap"
          ? Effect.succeed({ text: `… ${item.missing ?? "some"} events missed`, level: "Warn" })
          : Effect.map(Effect.all([told(item.event), encoded(item, output.format)]), ([lines, event]) => ({
              text: lines.join("\n"),
              level: grave.has(item.event._tag) ? "Warn" : "Info",
              data: { event },
            }))
      const tell = Stream.runForEach((item: Envelope<AnyEvent> | Gap) => Effect.flatMap(lineOf(item), output.say))

      /** Says when it begins and when it has ended: in between every call is told. */
      const calls = Stream.unwrap(
        Effect.gen(function* () {
          const recorded = yield* bus.subscribe({ name: "narrator of calls", types: [StatsRecorded] })
          yield* Effect.acquireRelease(turn(output, true), () => turn(output, false))
          return recorded
        }),
      )
      yield* Effect.forkScoped(tell(events))
      yield* features.changes.pipe(
        Stream.map(({ debug }) => debug),
        Stream.changes,
        Stream.switchMap((debug): Stream.Stream<Envelope<AnyEvent> | Gap> => (debug ? calls : Stream.never)),
        tell,
        Effect.forkScoped({ startImmediately: true }),
      )
    }),
  )

const turn = (output: Output["Service"], debug: boolean) =>
  Effect.andThen(
    Effect.sync(() => output.setDebug(debug)),
    output.say({ text: debug ? "Debug is on: every call is told, and problems with their causes." : "Debug is off." }),
  )

const rare = registry.types.filter((type) => type !== StatsRecorded.type)

/** What somebody should look at. */
const grave = new Set(["config.rejected", "config.overwritten", "service.failed", "provider.failed", "stats.degraded"])

const encoded = (envelope: Envelope<AnyEvent>, format: Output["Service"]["format"]): Effect.Effect<unknown> =>
  format === "json" ? Effect.orElseSucceed(registry.encode(envelope), () => undefined) : Effect.void
