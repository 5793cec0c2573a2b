/** A place that is only looked at: a document that is missing is what a host would seed, and nothing is written, not even the history. */
import { SourceUnavailable } from "@signalbox/core/ConfigError"
import { ConfigSource, type Stored } from "@signalbox/core/ConfigSource"
import { Effect, Layer, Stream } from "effect"

export const layerReadOnly: Layer.Layer<ConfigSource, never, ConfigSource> = Layer.effect(
  ConfigSource,
  Effect.map(ConfigSource, (source) => {
    let seeded: Stored | undefined
    const refused = Effect.fail(
      new SourceUnavailable({ path: source.name, code: "EROFS", detail: "this command only reads" }),
    )
    return ConfigSource.of({
      ...source,
      read: Effect.catchIf(
        source.read,
        ({ code }) => code === "ENOENT" && seeded !== undefined,
        (error) => (seeded === undefined ? Effect.fail(error) : Effect.succeed(seeded)),
      ),
      seed: (text) =>
        Effect.map(source.hash(text), (hash) => {
          seeded = { text, hash }
          return { ...seeded, seeded: true }
        }),
      write: () => refused,
      exclusively: (effect) => effect,
      hints: Stream.never,
      history: { ...source.history, keep: () => Effect.void, rewrite: () => Effect.void, remove: () => Effect.void },
    })
  }),
)
