/**
 * A host whose parts do not depend on files or processes: `janitor` needs a configuration and a bin. Its test provides both in memory and
 * advances the clock; the last lines provide a file.
 */
import { ConfigStore, Narration, Setting } from "@signalbox/core"
import { Signalbox } from "@signalbox/node"
import { Console, Context, Duration, Effect, Layer, Schedule, Schema, Stream } from "effect"

/** One part of the document. */
export class Cleaning extends Setting.Service<Cleaning>()(
  "janitor/Cleaning",
  Schema.Struct({ every_minutes: Schema.Int.check(Schema.isGreaterThan(0)), keep: Schema.Int }),
) {}

export class JanitorConfig extends ConfigStore.Service<JanitorConfig>()("janitor/Config", {
  schema: Schema.Struct({ cleaning: Cleaning.schema, motto: Schema.String }),
  seed: `{
  "cleaning": { "every_minutes": 1, "keep": 3 },
  "motto": "tidy"
}\n`,
}) {}

export class Bin extends Context.Service<
  Bin,
  {
    /** Removes all but the newest entries. */
    readonly empty: (keep: number) => Effect.Effect<void>
  }
>()("janitor/Bin") {}

/** Empties the bin at an interval. A changed setting restarts the interval at once. */
export const janitor = Layer.effectDiscard(
  Effect.gen(function* () {
    const bin = yield* Bin
    yield* Cleaning.changes.pipe(
      Stream.switchMap(({ every_minutes, keep }) =>
        Stream.fromEffectSchedule(bin.empty(keep), Schedule.spaced(Duration.minutes(every_minutes))),
      ),
      Stream.runDrain,
      Effect.forkScoped,
    )
  }),
)

export const settings = JanitorConfig.setting(Cleaning, (config) => config.cleaning)

if (process.argv[1] === import.meta.filename) {
  Signalbox.runMain(
    Layer.merge(janitor, Narration.layer(JanitorConfig)).pipe(
      Layer.provide(Layer.succeed(Bin)({ empty: (keep) => Console.log(`emptied except for the newest ${keep}`) })),
      Layer.provide(settings),
      Layer.provide(JanitorConfig.layer),
      Layer.provide(Signalbox.layerFor("signalbox-janitor")),
    ),
  )
}
