/**
 * Prints what happens while a host runs: each event as a line, the changes of each revision, and where a refused document is wrong. Calls are
 * printed only while `features.debug` is on, because a busy host would print nothing else.
 */
import { registry } from "@signalbox/api/HostEvents"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import type { AnyEvent, Envelope } from "@signalbox/core/Event"
import { EventBus, type Gap } from "@signalbox/core/EventBus"
import { eventLines } from "@signalbox/core/Narration"
import { StatsRecorded } from "@signalbox/core/StatsEvents"
import { Effect, Layer, Stream } from "effect"
import { Features, HostConfig } from "../../HostConfig.ts"
import { HostOutput, type OutputLine } from "./HostOutput.ts"

/** Prints all events since the bus began. If it falls behind, it prints how many events it missed. */
export const layer: Layer.Layer<never, never, HostConfig | Features | EventBus | ConfigSource | HostOutput> =
  Layer.effectDiscard(
    Effect.gen(function* () {
      const output = yield* HostOutput
      const bus = yield* EventBus
      const { name } = yield* ConfigSource
      const features = yield* Features
      const describe = eventLines(yield* HostConfig, name)
      const { epoch } = yield* bus.cursor
      const events = yield* bus.subscribe({ name: "event printer", types: allButCalls, after: { epoch, sequence: 0 } })

      const lineOf = (item: Envelope<AnyEvent> | Gap): Effect.Effect<OutputLine> =>
        item._tag === "Gap"
          ? Effect.succeed({ text: `… ${item.missing ?? "some"} events missed`, level: "Warn" })
          : Effect.map(Effect.all([describe(item.event), encoded(item, output.format)]), ([lines, event]) => ({
              text: lines.join("\n"),
              level: warnings.has(item.event._tag) ? "Warn" : "Info",
              data: { event },
            }))
      const print = Stream.runForEach((item: Envelope<AnyEvent> | Gap) => Effect.flatMap(lineOf(item), output.write))

      /** Reports when it subscribes and when it ends: every call in between is printed. */
      const calls = Stream.unwrap(
        Effect.gen(function* () {
          const recorded = yield* bus.subscribe({ name: "call printer", types: [StatsRecorded] })
          yield* Effect.acquireRelease(setDebug(output, true), () => setDebug(output, false))
          return recorded
        }),
      )
      yield* Effect.forkScoped(print(events))
      yield* features.changes.pipe(
        Stream.map(({ debug }) => debug),
        Stream.changes,
        Stream.switchMap((debug): Stream.Stream<Envelope<AnyEvent> | Gap> => (debug ? calls : Stream.never)),
        print,
        Effect.forkScoped({ startImmediately: true }),
      )
    }),
  )

const setDebug = (output: HostOutput["Service"], debug: boolean) =>
  Effect.andThen(
    Effect.sync(() => output.setDebug(debug)),
    output.write({
      text: debug ? "Debug is on: every call is printed, and errors with their causes." : "Debug is off.",
    }),
  )

const allButCalls = registry.types.filter((type) => type !== StatsRecorded.type)

/** Events that need attention. */
const warnings = new Set([
  "config.rejected",
  "config.overwritten",
  "service.failed",
  "provider.failed",
  "stats.degraded",
])

const encoded = (envelope: Envelope<AnyEvent>, format: HostOutput["Service"]["format"]): Effect.Effect<unknown> =>
  format === "json" ? Effect.orElseSucceed(registry.encode(envelope), () => undefined) : Effect.void
