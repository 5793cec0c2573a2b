/** Edits of a real file take effect at once, and publish one event for each effective change. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigChanged } from "@signalbox/core/ConfigEvents"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import type { AnyEvent } from "@signalbox/core/Event"
import { Clock, Effect, FileSystem, Layer, Queue, Schema } from "effect"
import { TestClock } from "effect/testing"
import { DocumentFile, hear, like, listen, observed, Seen, settled, sha256, textOf } from "./ConfigFollowing.ts"

const Models = Schema.Record(Schema.String, Schema.String)
class AppConfig extends ConfigStore.Service<AppConfig>()("test/AppConfig", {
  schema: Schema.Struct({ models: Models }),
  seed: `{ "models": { "fast": "small" } } // the first\n`,
}) {}

const host = AppConfig.layer.pipe(Layer.provideMerge(observed), Layer.provideMerge(DocumentFile.layer))
const running = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, Layer.fresh(host))

const document = (fast: string | number) => JSON.stringify({ models: { fast } })
const inForce = AppConfig.get(({ models }) => models["fast"])
const changedTo = (text: string) => (event: AnyEvent) => event instanceof ConfigChanged && event.hash === sha256(text)

/** Advances the clock until the condition holds. The disk works in real time. */
const soon = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.raceFirst(effect, Effect.forever(Effect.andThen(TestClock.adjust("50 millis"), Effect.yieldNow)))

/** Consecutive revisions, each with the hash of the previous one. */
const assertFollow = (events: ReadonlyArray<AnyEvent>, revision: number, hash: string) => {
  let [before, last] = [revision, hash]
  for (const event of events) {
    if (!(event instanceof ConfigChanged)) return assert.fail(`said ${event._tag}`)
    const { hash, origin, previousHash, revision } = event
    assert.deepStrictEqual([revision, previousHash, origin], [before + 1, last, "file"])
    before = revision
    last = hash
  }
}

const inPlace = (text: string) =>
  Effect.gen(function* () {
    yield* Effect.orDie((yield* FileSystem.FileSystem).writeFileString((yield* DocumentFile).file, text))
  })
const touch = Effect.gen(function* () {
  const now = yield* Clock.currentTimeMillis
  yield* Effect.orDie((yield* FileSystem.FileSystem).utimes((yield* DocumentFile).file, now / 1000, now / 1000))
})
const byRename = (text: string) => Effect.flatMap(DocumentFile, ({ save }) => save(text))

describe("ConfigStore on a file that an editor saves", () => {
  it.effect("publishes each of 20 edits once, with the changed paths, when it is in force", () =>
    Effect.gen(function* () {
      const heard = yield* listen
      yield* soon(hear(heard, (event) => event._tag === "config.seeded"))
      yield* soon(watching)
      let before = yield* textOf
      for (let i = 1; i <= 20; i++) {
        yield* byRename(document(`edit ${i}`))
        const [said, ...others] = yield* soon(hear(heard, () => true))
        like(said, {
          _tag: "config.changed",
          revision: i + 1,
          hash: sha256(document(`edit ${i}`)),
          previousHash: sha256(before),
          origin: "file",
          paths: ["/models/fast"],
          truncated: false,
        })
        assert.deepStrictEqual(others, [])
        assert.strictEqual(yield* inForce, `edit ${i}`)
        before = yield* textOf
      }
    }).pipe(running),
  )

  for (const [way, save] of [
    ["rename", byRename],
    ["writing in place", inPlace],
  ] as const) {
    it.live(`applies the last of 20 rapid edits by ${way}, in at most 20 consecutive revisions`, () =>
      Effect.gen(function* () {
        const heard = yield* listen
        yield* hear(heard, (event) => event._tag === "config.seeded")
        yield* watching
        const before = sha256(yield* textOf)
        for (let i = 1; i <= 20; i++) yield* save(document(`edit ${i}`))
        const last = document("edit 20")
        const said = yield* hear(heard, changedTo(last))
        // A read between truncating and writing is refused and changes nothing.
        const changes = said.filter(({ _tag }) => way === "rename" || _tag !== "config.rejected")
        assertFollow(changes, 1, before)
        assert.isAtMost(changes.length, 20)
        const { config, hash, revision } = yield* (yield* AppConfig).snapshot
        assert.deepStrictEqual(
          { config, hash, revision },
          { config: { models: { fast: "edit 20" } }, hash: sha256(last), revision: changes.length + 1 },
        )
      }).pipe(running),
    )
  }

  it.live("publishes nothing for saves of the same text, and for changes of comments and spaces", () =>
    Effect.gen(function* () {
      const { looks } = yield* Seen
      const store = yield* AppConfig
      const heard = yield* listen
      yield* hear(heard, (event) => event._tag === "config.seeded")
      yield* watching
      const text = document("same")
      yield* byRename(text)
      yield* hear(heard, changedTo(text))
      for (let i = 0; i < 20; i++) {
        yield* Queue.clear(looks)
        yield* i % 2 === 0 ? byRename(text) : touch
        // A few saves wait until the source has read the file; the others coalesce.
        if (i % 5 === 4) yield* Queue.take(looks)
      }
      yield* settled
      const commented = `// the same for people to read\n${JSON.stringify(JSON.parse(text), undefined, 4)}\n`
      yield* byRename(commented)
      const advanced = Effect.map(store.snapshot, ({ hash }) => hash === sha256(commented))
      while (!(yield* advanced)) yield* Queue.take(looks).pipe(Effect.andThen(settled))
      assert.strictEqual((yield* store.snapshot).revision, 2)
      yield* byRename(document("other"))
      const said = yield* hear(heard, () => true)
      assertFollow(said, 2, sha256(commented))
    }).pipe(running),
  )
})

/** Waits until the source watches and has read the document once more. */
const watching = Effect.gen(function* () {
  const { directory } = yield* DocumentFile
  const { events, looks } = yield* Seen
  const fs = yield* FileSystem.FileSystem
  yield* Effect.gen(function* () {
    // The source does not notice earlier events.
    while ((yield* Queue.size(events)) === 0) {
      yield* fs.writeFileString(`${directory}/unrelated`, "")
      yield* Effect.yieldNow
    }
  })
  yield* settled
  yield* Queue.clear(looks)
}).pipe(Effect.orDie)
