/** A host on a real file for tests across modules: its events, and the reads and watches of its file source. */
import { createHash } from "node:crypto"
import { assert } from "@effect/vitest"
import type { AnyEvent } from "@signalbox/core/Event"
import { EventBus } from "@signalbox/core/EventBus"
import * as FileConfigSource from "@signalbox/core/FileConfigSource"
import { Reconciler } from "@signalbox/core/Reconciler"
import * as Signalbox from "@signalbox/node/Signalbox"
import { Context, Effect, FileSystem, Layer, Queue, type Scope, Stream } from "effect"

/** A document in a temporary directory, as an editor saves it. */
export class DocumentFile extends Context.Service<
  DocumentFile,
  { readonly directory: string; readonly file: string; readonly save: (text: string) => Effect.Effect<void> }
>()("test/DocumentFile") {
  static readonly layer = Layer.effect(
    DocumentFile,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const root = yield* fs.makeTempDirectoryScoped({ prefix: "signalbox-" })
      const [directory, elsewhere] = [`${root}/config`, `${root}/elsewhere`]
      yield* fs.makeDirectory(directory, { mode: 0o700 })
      yield* fs.makeDirectory(elsewhere)
      const file = `${directory}/config.json`
      // Written in another directory, so that the document's directory gets one event for each save.
      const save = (text: string) =>
        fs
          .writeFileString(`${elsewhere}/saved`, text, { mode: 0o600 })
          .pipe(Effect.andThen(fs.rename(`${elsewhere}/saved`, file)), Effect.orDie)
      return DocumentFile.of({ directory, file, save })
    }),
  ).pipe(Layer.provideMerge(Signalbox.layerPlatform))
}

export const textOf = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.orDie(fs.readFileString((yield* DocumentFile).file))
})

export const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex")

/** Watches and reads of the file source. */
export class Seen extends Context.Service<
  Seen,
  {
    /** Every event of a watch, after the source has received it. */
    readonly events: Queue.Dequeue<FileSystem.WatchEvent>
    /** Each start of a read of the document. */
    readonly looks: Queue.Dequeue<void>
  }
>()("test/Seen") {}

/** The layers of `Signalbox.layerAt`, over a file system that reports its calls. */
export const observed = Layer.unwrap(
  Effect.gen(function* () {
    const { file } = yield* DocumentFile
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

/** All events from here on, in the order of the bus. */
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

/** All events up to and including the first one that matches. */
export const hear = Effect.fnUntraced(function* (heard: Queue.Dequeue<AnyEvent>, isLast: (event: AnyEvent) => boolean) {
  const all: Array<AnyEvent> = []
  while (true) {
    const event = yield* Queue.take(heard)
    all.push(event)
    if (isLast(event)) return all
  }
})

/** Whether a value has at least these members. */
export const like = (actual: unknown, expected: Readonly<Record<string, unknown>>): void =>
  assert.deepInclude(actual as Readonly<Record<string, unknown>>, expected)

/** Waits until no change is waiting or running, and all subscribers have received the events. */
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
