/** Edits of a real file take effect at once, and publish one event for each effective change. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigChanged } from "@signalbox/core/ConfigEvents"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import type { AnyEvent } from "@signalbox/core/Event"
import { Clock, Effect, FileSystem, Layer, Queue, Schema } from "effect"
import { TestClock } from "effect/testing"
import { hear, like, listen, observed, Place, Seen, settled, sha256, textOf } from "./ConfigFollowing.ts"

const Models = Schema.Record(Schema.String, Schema.String)
class AppConfig extends ConfigStore.Service<AppConfig>()("test/AppConfig", {
  schema: Schema.Struct({ models: Models }),
  seed: `{ "models": { "fast": "small" } } // the first\n`,
}) {}

const host = AppConfig.layer.pipe(Layer.provideMerge(observed), Layer.provideMerge(Place.layer))
const running = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, Layer.fresh(host))

const document = (fast: string | number) => JSON.stringify({ models: { fast } })
const inForce = AppConfig.get(({ models }) => models["fast"])
const changedTo = (text: string) => (event: AnyEvent) => event instanceof ConfigChanged && event.hash === sha256(text)

/** Lets the clock run until it is so; the disk goes on in real time meanwhile. */
const soon = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.raceFirst(effect, Effect.forever(Effect.andThen(TestClock.adjust("50 millis"), Effect.yieldNow)))

/** Revisions from here without a hole, each upon the one before. */
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
    yield* Effect.orDie((yield* FileSystem.FileSystem).writeFileString((yield* Place).file, text))
  })
const touch = Effect.gen(function* () {
  const now = yield* Clock.currentTimeMillis
  yield* Effect.orDie((yield* FileSystem.FileSystem).utimes((yield* Place).file, now / 1000, now / 1000))
})
const byRename = (text: string) => Effect.flatMap(Place, ({ save }) => save(text))

describe("an edit in an editor", () => {
  it.effect("is said once, with what it changed, when it is in force: 20 edits, 20 times", () =>
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
    it.live(`of 20 rapid different ones by ${way} the last is in force, in at most 20 revisions without a hole`, () =>
      Effect.gen(function* () {
        const heard = yield* listen
        yield* hear(heard, (event) => event._tag === "config.seeded")
        yield* watching
        const before = sha256(yield* textOf)
        for (let i = 1; i <= 20; i++) yield* save(document(`edit ${i}`))
        const last = document("edit 20")
        const said = yield* hear(heard, changedTo(last))
        // What is read between truncating and writing is refused, and is no change.
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

  it.live(
    "that saves or touches the same text 20 times, or changes only comments and spaces, is looked at and not said",
    () =>
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
          // A few of them wait until the source has looked; the others pile up.
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

/** The source watches, and has looked once more since. */
const watching = Effect.gen(function* () {
  const { directory } = yield* Place
  const { events, looks } = yield* Seen
  const fs = yield* FileSystem.FileSystem
  yield* Effect.gen(function* () {
    // Before it watches it sees none of this.
    while ((yield* Queue.size(events)) === 0) {
      yield* fs.writeFileString(`${directory}/unrelated`, "")
      yield* Effect.yieldNow
    }
  })
  yield* settled
  yield* Queue.clear(looks)
}).pipe(Effect.orDie)
