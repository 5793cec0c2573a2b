/** A host with a layer that never closes. */
import * as Signalbox from "@signalbox/node/Signalbox"
import { Console, Effect, Layer } from "effect"

const layer = Layer.effectDiscard(
  Effect.andThen(
    Effect.addFinalizer(() => Effect.andThen(Console.log("closing"), Effect.never)),
    Console.log("started"),
  ),
)

// Keeps the process alive, as the socket of a server would.
setInterval(() => {}, 60_000)

Signalbox.runMain(layer)
