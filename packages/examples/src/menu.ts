/** A service that follows events: it shows which models came and went, at most once a second. */
import { EventBus, ModelEvents, ModelRegistry } from "@signalbox/core"
import { Context, Effect, Layer, Stream } from "effect"

export class Screen extends Context.Service<Screen, { readonly show: (line: string) => Effect.Effect<void> }>()(
  "menu/Screen",
) {}

/** It may stand beside the host's other layers; it needs the bus, the registry and a screen. */
export const menu = Layer.effectDiscard(
  Effect.gen(function* () {
    const bus = yield* EventBus
    const registry = yield* ModelRegistry
    const screen = yield* Screen
    const types = [ModelEvents.ModelAdded, ModelEvents.ModelChanged, ModelEvents.ModelRemoved]

    // Nothing is missed that is published after this line; other types do not wake it.
    const events = yield* bus.subscribe({ types, name: "menu" })
    yield* events.pipe(
      Stream.groupedWithin(100, "1 second"),
      Stream.runForEach((items) =>
        Effect.gen(function* () {
          // A `Gap` stands for events that were lost: then only the state says how things are. Here it is read each time.
          const news = items.map((item) => (item._tag === "Gap" ? "…" : `${item.event._tag} ${item.event.alias}`))
          const aliases = (yield* registry.models).map(({ alias }) => alias).toSorted()
          yield* screen.show(`${news.join(", ")} → ${aliases.join(" ")}`)
        }),
      ),
      Effect.forkScoped,
    )
  }),
)
