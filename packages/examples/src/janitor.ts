/**
 * A host whose parts know nothing of files or processes: `janitor` needs a configuration and a bin, and its test gives it both in memory
 * and moves the time by hand. `main` would provide `JanitorConfig.layer` and `Signalbox.layer` instead.
 */
import { ConfigStore, Setting } from "@signalbox/core"
import { Context, Duration, Effect, Layer, Schedule, Schema, Stream } from "effect"

export class Cleaning extends Setting.Service<Cleaning>()(
  "janitor/Cleaning",
  Schema.Struct({ every_minutes: Schema.Int.check(Schema.isGreaterThan(0)), keep: Schema.Int }),
) {}

export class JanitorConfig extends ConfigStore.Service<JanitorConfig>()("janitor/Config", {
  schema: Schema.Struct({ cleaning: Cleaning.schema, motto: Schema.String }),
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
