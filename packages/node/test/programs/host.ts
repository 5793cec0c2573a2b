/**
 * A host that prints each of its events as a line of JSON, and executes each line of standard input: `{"update": [edits], "ifHash"?}`,
 * `{"snapshot": true}`. It ends with its input. Arguments: document.
 */
import { createInterface } from "node:readline"
import { EventBus } from "@signalbox/core/EventBus"
import * as Signalbox from "@signalbox/node/Signalbox"
import { type Cause, Effect, Layer, Queue, Stream } from "effect"
import { SharedConfig } from "./SharedConfig.ts"

const [file = ""] = process.argv.slice(2)

const say = (value: unknown) => Effect.sync(() => console.log(JSON.stringify(value)))

const main = Effect.gen(function* () {
  const store = yield* SharedConfig
  const bus = yield* EventBus
  const { epoch } = yield* bus.cursor
  const events = yield* bus.subscribe({ after: { epoch, sequence: 0 } })
  yield* Effect.forkScoped(Stream.runForEach(events, (item) => say(item._tag === "Gap" ? item : item.event)))
  const commands = yield* Queue.unbounded<any, Cause.Done>()
  const input = createInterface(process.stdin)
  input.on("line", (line) => Queue.offerUnsafe(commands, JSON.parse(line)))
  input.on("close", () => Queue.endUnsafe(commands))
  yield* say({ started: yield* store.snapshot })
  yield* Queue.take(commands).pipe(
    Effect.flatMap(({ ifHash, update }) =>
      Effect.gen(function* () {
        if (update === undefined) return yield* store.snapshot
        return yield* store.update(update, ifHash === undefined ? {} : { ifHash })
      }).pipe(
        Effect.matchEffect({
          onFailure: ({ reason }) => say({ refused: reason }),
          onSuccess: (snapshot) => say({ snapshot }),
        }),
      ),
    ),
    Effect.forever,
    Effect.ignore,
  )
}).pipe(Effect.scoped)

await Effect.runPromise(Effect.provide(main, Layer.provideMerge(SharedConfig.layer, Signalbox.layerAt(file))))
