/**
 * The number of hints of the file source, on real files and kernel watches under `TestClock`. A test that expects no hint first waits for the
 * events that could cause one.
 */
import { assert, describe, it } from "@effect/vitest"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import * as FileConfigSource from "@signalbox/core/FileConfigSource"
import { Clock, Context, Effect, FileSystem, Layer, Queue, Ref, Stream } from "effect"
import { TestClock } from "effect/testing"
import { DocumentFile, platform } from "./DocumentFile.ts"

/** Watches and reads of the source. */
class Seen extends Context.Service<
  Seen,
  {
    /** Every event of a watch, after it was delivered to the source. */
    readonly events: Queue.Dequeue<FileSystem.WatchEvent>
    /** Each start of a read of the document. */
    readonly looks: Queue.Dequeue<void>
    /** While true, watching throws, as Node does at the kernel's limit. */
    readonly limited: Ref.Ref<boolean>
  }
>()("test/Seen") {}

const observed = Layer.unwrap(
  Effect.gen(function* () {
    const { file } = yield* DocumentFile
    const fs = yield* FileSystem.FileSystem
    const events = yield* Queue.unbounded<FileSystem.WatchEvent>()
    const looks = yield* Queue.unbounded<void>()
    const limited = yield* Ref.make(false)
    const refuse = (path: string) =>
      Effect.sync((): never => {
        throw Object.assign(new Error(`ENOSPC: System limit for number of file watchers reached, watch '${path}'`), {
          code: "ENOSPC",
        })
      })
    const watching: FileSystem.FileSystem = {
      ...fs,
      open: (path, options) =>
        path === file ? Effect.andThen(Queue.offer(looks, undefined), fs.open(path, options)) : fs.open(path, options),
      watch: (path, options) =>
        Stream.unwrap(
          Effect.flatMap(Ref.get(limited), (limited) =>
            limited
              ? refuse(path)
              : Effect.succeed(
                  fs
                    .watch(path, options)
                    .pipe(
                      Stream.flatMap((event) =>
                        Stream.concat(Stream.make(event), Stream.fromEffectDrain(Queue.offer(events, event))),
                      ),
                    ),
                ),
          ),
        ),
    }
    return FileConfigSource.layerAt(file).pipe(
      Layer.provide(Layer.succeed(FileSystem.FileSystem, watching)),
      Layer.provideMerge(Layer.succeed(Seen, { events, looks, limited })),
    )
  }),
).pipe(Layer.provideMerge(DocumentFile.layer), Layer.provideMerge(platform))

/** Advances the clock until the condition holds. The disk works in real time. */
const soon = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.raceFirst(effect, Effect.forever(Effect.andThen(TestClock.adjust("50 millis"), Effect.yieldNow)))

/** The hints with their times, without the first, which reports that the source watches. */
const listen = Effect.gen(function* () {
  const source = yield* ConfigSource
  const hints = yield* Queue.unbounded<number>()
  yield* source.hints.pipe(
    Stream.runForEach(() => Effect.flatMap(Clock.currentTimeMillis, (now) => Queue.offer(hints, now))),
    Effect.forkScoped,
  )
  yield* soon(Queue.take(hints))
  return hints
})

/** Waits until the source has processed all earlier events: a read that started after a new event follows a finished one. */
const looked = Effect.gen(function* () {
  const { directory } = yield* DocumentFile
  const fs = yield* FileSystem.FileSystem
  const { looks } = yield* Seen
  yield* soon(Queue.take(looks))
  yield* Queue.clear(looks)
  yield* fs.writeFileString(`${directory}/unrelated`, "")
  yield* soon(Queue.take(looks))
})

const onRealFiles = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, Layer.fresh(observed))

describe("hints of FileConfigSource on real files", () => {
  it.effect("emits a hint for a reverted text if the host has read the other one in between", () =>
    Effect.gen(function* () {
      const { file } = yield* DocumentFile
      const fs = yield* FileSystem.FileSystem
      const { events } = yield* Seen
      const source = yield* ConfigSource
      const { text } = yield* source.seed("start")
      const hints = yield* listen
      yield* fs.writeFileString(file, "another")
      yield* Queue.take(events)
      assert.strictEqual((yield* source.read).text, "another")
      yield* fs.writeFileString(file, text)
      yield* soon(Queue.take(hints))
      assert.strictEqual((yield* source.read).text, text)
    }).pipe(onRealFiles),
  )

  it.effect("emits no hint for the source's own writes", () =>
    Effect.gen(function* () {
      const { file } = yield* DocumentFile
      const fs = yield* FileSystem.FileSystem
      const { looks } = yield* Seen
      const source = yield* ConfigSource
      let { hash } = yield* source.seed("start")
      const hints = yield* listen
      yield* Queue.clear(looks)
      for (let i = 0; i < 3; i++) {
        hash = (yield* source.write(`own ${i}`, hash)).hash
        yield* looked
      }
      yield* fs.writeFileString(file, "foreign")
      yield* soon(Queue.take(hints))
      assert.strictEqual((yield* source.read).text, "foreign")
      assert.strictEqual(yield* Queue.size(hints), 0)
    }).pipe(onRealFiles),
  )
  it.effect("emits no hint for 20 saves of the same text", () =>
    Effect.gen(function* () {
      const { file } = yield* DocumentFile
      const fs = yield* FileSystem.FileSystem
      const { events, looks } = yield* Seen
      const source = yield* ConfigSource
      yield* source.seed("same")
      const hints = yield* listen
      yield* Queue.clear(looks)
      for (let i = 0; i < 20; i++) {
        yield* Queue.clear(events)
        yield* fs.writeFileString(`${file}.tmp`, "same")
        yield* fs.rename(`${file}.tmp`, file)
        yield* Queue.take(events)
      }
      yield* looked
      yield* fs.writeFileString(file, "foreign")
      yield* soon(Queue.take(hints))
      assert.strictEqual((yield* source.read).text, "foreign")
      assert.strictEqual(yield* Queue.size(hints), 0)
    }).pipe(onRealFiles),
  )
  it.effect(
    "emits at most one hint in two seconds while a program writes every 100 ms for 10 s, and one after the last write",
    () =>
      Effect.gen(function* () {
        const { file } = yield* DocumentFile
        const fs = yield* FileSystem.FileSystem
        const { events } = yield* Seen
        const source = yield* ConfigSource
        yield* source.seed("start")
        const hints = yield* listen
        for (let i = 1; i <= 100; i++) {
          yield* Queue.clear(events)
          yield* fs.writeFileString(`${file}.tmp`, `write ${i}`)
          yield* fs.rename(`${file}.tmp`, file)
          yield* Queue.take(events)
          yield* TestClock.adjust("100 millis")
        }
        const last = Effect.gen(function* () {
          while ((yield* source.read).text !== "write 100" || (yield* Queue.size(hints)) === 0) yield* Effect.sleep(50)
        })
        yield* soon(last)
        yield* TestClock.adjust("10 seconds")
        const times = yield* Queue.takeAll(hints)
        assert.isAtLeast(times.length, 2, "though it was never quiet")
        // The last hint may come right after the last write.
        const gaps = times.slice(1, -1).map((time, i) => time - times[i]!)
        assert.isTrue(
          gaps.every((gap) => gap >= 2000),
          gaps.join(),
        )
      }).pipe(onRealFiles),
  )
  it.effect("follows the links of a mounted document: a swap of ..data, then events in the new directory", () =>
    Effect.gen(function* () {
      const { directory, file } = yield* DocumentFile
      const fs = yield* FileSystem.FileSystem
      const { events } = yield* Seen
      for (const version of ["1", "2"]) {
        yield* fs.makeDirectory(`${directory}/versions/..${version}`, { recursive: true })
        yield* fs.writeFileString(`${directory}/versions/..${version}/config.json`, version)
      }
      yield* fs.symlink("versions/..1", `${directory}/..data`)
      yield* fs.symlink("..data/config.json", file)
      const hints = yield* listen
      const seen = Effect.andThen(Queue.take(events), soon(Queue.take(hints)))
      yield* fs.symlink("versions/..2", `${directory}/..data_tmp`)
      yield* Queue.clear(events)
      yield* fs.rename(`${directory}/..data_tmp`, `${directory}/..data`)
      yield* seen
      yield* Queue.clear(events)
      yield* fs.writeFileString(`${directory}/versions/..2/config.json`, "in place")
      yield* seen
    }).pipe(onRealFiles),
  )
  it.effect("emits hints for the new directory after the old one was renamed", () =>
    Effect.gen(function* () {
      const { directory, file } = yield* DocumentFile
      const fs = yield* FileSystem.FileSystem
      const { events } = yield* Seen
      const source = yield* ConfigSource
      yield* source.seed("start")
      const hints = yield* listen
      yield* fs.makeDirectory(`${directory}.new`)
      yield* fs.writeFileString(`${directory}.new/config.json`, "replaced")
      yield* fs.rename(directory, `${directory}.old`)
      yield* fs.rename(`${directory}.new`, directory)
      yield* soon(Queue.take(hints))
      yield* Queue.clear(events)
      yield* fs.writeFileString(file, "in place")
      yield* Queue.take(events)
      yield* soon(Queue.take(hints))
      assert.strictEqual((yield* source.read).text, "in place")
    }).pipe(onRealFiles),
  )
  it.effect("emits hints by polling at the kernel's limit of watches, and at once again below it", () =>
    Effect.gen(function* () {
      const { file } = yield* DocumentFile
      const fs = yield* FileSystem.FileSystem
      const { events, limited } = yield* Seen
      const source = yield* ConfigSource
      yield* source.seed("start")
      yield* Ref.set(limited, true)
      const hints = yield* listen
      assert.include((yield* source.warnings).join(), "ENOSPC")
      for (const text of ["polled", "polled again"]) {
        yield* fs.writeFileString(file, text)
        yield* soon(Queue.take(hints))
        assert.strictEqual((yield* source.read).text, text)
      }
      assert.strictEqual(yield* Queue.size(events), 0)
      yield* Ref.set(limited, false)
      yield* fs.writeFileString(file, "noticed by the last poll")
      yield* soon(Queue.take(hints))
      assert.deepStrictEqual(yield* source.warnings, [])
      yield* fs.writeFileString(file, "noticed by a watch")
      yield* Queue.take(events)
      yield* soon(Queue.take(hints))
    }).pipe(onRealFiles),
  )
})
