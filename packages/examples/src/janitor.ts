/**
 * A host whose parts know nothing of files or processes: `janitor` needs a configuration and a bin. Its test gives it both in memory and moves
 * the time by hand; the last lines give it a file.
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
    /** Removes all but the newest so many. */
    readonly empty: (keep: number) => Effect.Effect<void>
  }
>()("janitor/Bin") {}

/** Empties the bin on its rounds; a new setting starts the rounds anew, at once. */
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
      Layer.provide(Layer.succeed(Bin)({ empty: (keep) => Console.log(`emptied, but for the newest ${keep}`) })),
      Layer.provide(settings),
      Layer.provide(JanitorConfig.layer),
      Layer.provide(Signalbox.layerFor("signalbox-janitor")),
    ),
  )
}
