/**
 * Prints what happens in a running host: each event as a line, the changes of each revision, and the problems of a refused document. Writes to
 * Effect's Console. Prints no secret.
 */
import { Console, type Context, Effect, Layer, Stream } from "effect"
import { changeSummary } from "./ChangeSummary.ts"
import * as ConfigError from "./ConfigError.ts"
import { ConfigChanged, ConfigRejected } from "./ConfigEvents.ts"
import { ConfigSource } from "./ConfigSource.ts"
import type * as ConfigStore from "./ConfigStore.ts"
import type { AnyEvent } from "./Event.ts"
import { EventBus } from "./EventBus.ts"
import { eventLine } from "./EventLine.ts"
import { escapeLine } from "./VisibleText.ts"

/**
 * Prints the name of the document, then every event since the bus was built, and how many events it missed if it was too slow.
 *
 * **Example** (Printing the events of a host)
 *
 * ```ts no-run
 * import { ConfigStore, Narration } from "@signalbox/core"
 * import { Signalbox } from "@signalbox/node"
 * import { Layer, Schema } from "effect"
 *
 * class AppConfig extends ConfigStore.Service<AppConfig>()("app/AppConfig", {
 *   schema: Schema.Struct({ limit: Schema.Int }),
 *   seed: `{ "limit": 3 }\n`,
 * }) {}
 *
 * Signalbox.runMain(
 *   Narration.layer(AppConfig).pipe(Layer.provide(AppConfig.layer), Layer.provide(Signalbox.layerFor("app"))),
 * )
 * ```
 */
export const layer = <Self>(
  config: Context.Key<Self, ConfigStore.Shape<any>>,
): Layer.Layer<never, never, Self | EventBus | ConfigSource> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const store = yield* config
      const { name } = yield* ConfigSource
      const bus = yield* EventBus
      const { epoch } = yield* bus.cursor
      const events = yield* bus.subscribe({ name: "narration", after: { epoch, sequence: 0 } })

      const linesOf = eventLines(store, name)

      yield* Console.log(`Following ${escapeLine(name)}: edit it and save.`)
      if ((yield* store.problems).length > 0) {
        const { hash } = yield* store.document
        yield* Console.log(`It is refused; the last good one serves: ${hash.slice(0, 12)} of the history.`)
      }
      yield* events.pipe(
        Stream.mapEffect((item) =>
          item._tag === "Gap" ? Effect.succeed([`… ${item.missing ?? "some"} events missed`]) : linesOf(item.event),
        ),
        Stream.runForEach((lines) => Console.log(lines.join("\n"))),
        Effect.forkScoped,
      )
    }),
  )

/** The lines for an event: with the changes of a new revision, and the problems of a refused document. `name`: the document's. */
export const eventLines =
  (store: Pick<ConfigStore.Shape<any>, "changesOf">, name: string) =>
  (event: AnyEvent): Effect.Effect<ReadonlyArray<string>> => {
    if (event instanceof ConfigRejected) {
      return Effect.succeed([event._tag, ...event.problems.map((problem) => ConfigError.format(name, problem))])
    }
    if (!(event instanceof ConfigChanged)) return Effect.succeed([eventLine(event)])
    return Effect.map(store.changesOf(event.revision), (changes) =>
      changes === undefined ? [eventLine(event)] : [eventLine(event), changeSummary(changes)],
    )
  }
