/** A host on a real file for the tests that cross the parts: what it says, and what its file source does meanwhile. */
import { createHash } from "node:crypto"
import { assert } from "@effect/vitest"
import type { AnyEvent } from "@signalbox/core/Event"
import { EventBus } from "@signalbox/core/EventBus"
import * as FileConfigSource from "@signalbox/core/FileConfigSource"
import { Reconciler } from "@signalbox/core/Reconciler"
import * as Signalbox from "@signalbox/node/Signalbox"
import { Context, Effect, FileSystem, Layer, Queue, type Scope, Stream } from "effect"

/** A document in a temporary directory, as an editor saves it. */
export class Place extends Context.Service<
  Place,
  { readonly directory: string; readonly file: string; readonly save: (text: string) => Effect.Effect<void> }
>()("test/Place") {
  static readonly layer = Layer.effect(
    Place,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const root = yield* fs.makeTempDirectoryScoped({ prefix: "signalbox-" })
      const [directory, elsewhere] = [`${root}/config`, `${root}/elsewhere`]
      yield* fs.makeDirectory(directory, { mode: 0o700 })
      yield* fs.makeDirectory(elsewhere)
      const file = `${directory}/config.json`
      // Written elsewhere, so that the document's directory sees one event for each save.
      const save = (text: string) =>
        fs
          .writeFileString(`${elsewhere}/saved`, text, { mode: 0o600 })
          .pipe(Effect.andThen(fs.rename(`${elsewhere}/saved`, file)), Effect.orDie)
      return Place.of({ directory, file, save })
    }),
  ).pipe(Layer.provideMerge(Signalbox.layerPlatform))
}

export const textOf = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.orDie(fs.readFileString((yield* Place).file))
})

export const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex")

/** What the file source sees of the disk. */
export class Seen extends Context.Service<
  Seen,
  {
    /** Every event of a watch, after the source has it. */
    readonly events: Queue.Dequeue<FileSystem.WatchEvent>
    /** Each time that somebody begins to read the document. */
    readonly looks: Queue.Dequeue<void>
  }
>()("test/Seen") {}

/** What `Signalbox.layerAt` composes, over a file system that tells what it is asked. */
export const observed = Layer.unwrap(
  Effect.gen(function* () {
    const { file } = yield* Place
    const fs = yield* FileSystem.FileSystem
    const events = yield* Queue.unbounded<FileSystem.WatchEvent>()
    const looks = yield* Queue.unbounded<void>()
    const telling: FileSystem.FileSystem = {
      ...fs,
      open: (path, options) =>
        path === file ? Effect.andThen(Queue.offer(looks, undefined), fs.open(path, options)) : fs.open(path, options),
      watch: (path, options) =>
        fs
          .watch(path, options)
          .pipe(
            Stream.flatMap((event) =>
              Stream.concat(Stream.make(event), Stream.fromEffectDrain(Queue.offer(events, event))),
            ),
          ),
    }
    return Layer.mergeAll(
      Layer.provideMerge(Reconciler.layer, EventBus.layer),
      Layer.provide(FileConfigSource.layerAt(file), Layer.succeed(FileSystem.FileSystem, telling)),
      Layer.succeed(Seen, { events, looks }),
    )
  }),
)

/** Events in the order of the bus, none missed from here on. */
export const listen: Effect.Effect<Queue.Dequeue<AnyEvent>, never, EventBus | Scope.Scope> = Effect.gen(function* () {
  const heard = yield* Queue.unbounded<AnyEvent>()
  const { epoch } = yield* (yield* EventBus).cursor
  const events = yield* (yield* EventBus).subscribe({ after: { epoch, sequence: 0 } })
  yield* events.pipe(
    Stream.runForEach((item) => {
      assert.strictEqual(item._tag, "Envelope")
      return item._tag === "Gap" ? Effect.void : Queue.offer(heard, item.event)
    }),
    Effect.forkScoped,
  )
  return heard
})

/** All events up to the first one that is the one. */
export const hear = Effect.fnUntraced(function* (heard: Queue.Dequeue<AnyEvent>, isLast: (event: AnyEvent) => boolean) {
  const all: Array<AnyEvent> = []
  while (true) {
    const event = yield* Queue.take(heard)
    all.push(event)
    if (isLast(event)) return all
  }
})

/** Whether an event (or anything else) has these members, and perhaps more. */
export const like = (actual: unknown, expected: Readonly<Record<string, unknown>>): void =>
  assert.deepInclude(actual as Readonly<Record<string, unknown>>, expected)

/** No change waits or is under way, and everyone has heard of those before. */
export const settled = Effect.gen(function* () {
  const { queued } = yield* Reconciler
  const { subscribers } = yield* EventBus
  const quiet = Effect.zipWith(
    queued,
    subscribers,
    (changes, all) => changes === 0 && all.every(({ lagEvents }) => lagEvents === 0),
  )
  while (!(yield* quiet)) yield* Effect.yieldNow
})
