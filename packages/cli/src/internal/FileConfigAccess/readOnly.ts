/** A ConfigSource that writes nothing, not even the history. In place of a missing document it holds the one that a host would write first. */
import { SourceUnavailable } from "@signalbox/core/ConfigError"
import { ConfigSource, type Stored } from "@signalbox/core/ConfigSource"
import { Effect, Layer, Stream } from "effect"

export const layerReadOnly: Layer.Layer<ConfigSource, never, ConfigSource> = Layer.effect(
  ConfigSource,
  Effect.map(ConfigSource, (source) => {
    let seeded: Stored | undefined
    const readOnly = Effect.fail(
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
      write: () => readOnly,
      exclusively: (effect) => effect,
      hints: Stream.never,
      history: { ...source.history, keep: () => Effect.void, rewrite: () => Effect.void, remove: () => Effect.void },
    })
  }),
)
