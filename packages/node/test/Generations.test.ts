/** A whole host on a real file: streams keep their generation while the document changes. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigChanged, ConfigRejected } from "@signalbox/core/ConfigEvents"
import { ServiceRebuilt, ServiceReleased } from "@signalbox/core/ServiceEvents"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import { Effect, Fiber, FileSystem, Layer, Queue, Stream } from "effect"
import { DocumentFile, hear, like, listen, settled, sha256, textOf } from "./ConfigFollowing.ts"
import { AppConfig, Followed, host, type Look, look, Services, Yard } from "./GenerationsHost.ts"

const CHANGES = 50
const CHUNKS = 200
/** A stream lasts for ten changes, because at most sixteen generations may be live. */
const CHUNKS_PER_CHANGE = 20

const running = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, Layer.fresh(host))

/** A request whose stream continues on demand. */
const startStream = Effect.gen(function* () {
  const [turns, looks] = [yield* Queue.unbounded<void>(), yield* Queue.unbounded<Look>()]
  const stream = Stream.range(1, CHUNKS).pipe(Stream.mapEffect(() => Effect.andThen(Queue.take(turns), look)))
  const fiber = yield* ServiceGraph.provideStream(Services, stream).pipe(
    Stream.runForEach((chunk) => Queue.offer(looks, chunk)),
    Effect.forkScoped,
  )
  const seen: Array<Look> = []
  const goOn = Effect.gen(function* () {
    for (let i = 0; i < CHUNKS_PER_CHANGE; i++) yield* Queue.offer(turns, undefined)
    for (let i = 0; i < CHUNKS_PER_CHANGE; i++) seen.push(yield* Queue.take(looks))
  })
  return { seen, goOn, fiber }
})

const kinds = ["models", "providers", "retention"] as const
const kindOf = (change: number) => kinds[change % kinds.length]!
const countOf = (kind: (typeof kinds)[number]) =>
  Array.from({ length: CHANGES }, (_, index) => kindOf(index + 1)).filter((each) => each === kind).length

const editOf = (change: number) => {
  switch (kindOf(change)) {
    case "models":
      return { path: "/models/fast", value: `model-${change}` }
    case "providers":
      return { path: "/providers/b/key", value: `sk-b-${change}` }
    case "retention":
      return { path: "/retention/days", value: change }
  }
}

const open = Effect.map(Yard, ({ built }) => built.filter(({ isOpen }) => isOpen).map(({ name }) => name))
const serving = ["client a", "client b", "client c", "keeper", "router"]
const generations = Effect.map(Services.status, (status) => status.generations)

describe("a host whose document changes 50 times", () => {
  it.live(
    "keeps one generation for each stream of 200 chunks, never rebuilds unchanged providers, and releases all replaced services",
    () =>
      Effect.gen(function* () {
        const store = yield* AppConfig
        const { save } = yield* DocumentFile
        const heard = yield* listen
        const all: Array<Effect.Success<typeof startStream>> = []
        const runningStreams = () => all.filter(({ seen }) => seen.length < CHUNKS)

        for (let change = 1; change <= CHANGES; change++) {
          const edit = editOf(change)
          // Every tenth change is made with an editor.
          const text = yield* textOf
          const made =
            change % 10 === 0
              ? Effect.gen(function* () {
                  const [, section = "", key = ""] = /^\/(\w+)\/(.+)$/.exec(edit.path)!
                  const edited = JSON.parse(text)
                  if (section === "providers") edited.providers.b.key = edit.value
                  else edited[section][key] = edit.value
                  yield* save(JSON.stringify(edited))
                  while ((yield* store.snapshot).revision <= change) yield* Effect.yieldNow
                })
              : store.update([edit])
          const started = Effect.flatMap(startStream, (stream) => Effect.as(stream.goOn, all.push(stream)))
          const goOn = Effect.forEach(runningStreams(), (stream) => stream.goOn, { concurrency: "unbounded" })
          yield* Effect.all([goOn, made, started], { concurrency: "unbounded" })
        }
        while (runningStreams().length > 0) {
          yield* Effect.forEach(runningStreams(), (stream) => stream.goOn, { concurrency: "unbounded" })
        }
        for (const { fiber } of all) yield* Fiber.join(fiber)

        // Each request uses one generation.
        assert.strictEqual(all.length, CHANGES)
        for (const { seen } of all) {
          const [first] = seen
          assert.strictEqual(seen.length, CHUNKS)
          for (const chunk of seen) assert.deepStrictEqual(chunk, first)
          assert.isTrue(first?.areOpen, "to the last chunk")
          assert.deepStrictEqual(first?.says, first?.config)
          assert.deepStrictEqual(first?.settings, first?.config)
        }
        const revisions = new Set(all.map(({ seen }) => seen[0]?.revision))
        assert.isAbove(revisions.size, CHANGES / 2)
        assert.deepStrictEqual((yield* store.snapshot).revision, CHANGES + 1)

        // A change rebuilds only what depends on it.
        const { built } = yield* Yard
        const builds = (name: string) => built.filter((instance) => instance.name === name).length
        assert.deepStrictEqual(serving.map(builds), [
          1,
          1 + countOf("providers"),
          1,
          1 + countOf("retention"),
          1 + countOf("models") + countOf("providers"),
        ])

        // Replaced services are released after their last request.
        while ((yield* generations).length > 1) yield* Effect.yieldNow
        while ((yield* open).length > serving.length) yield* Effect.yieldNow
        assert.deepStrictEqual((yield* open).toSorted(), serving)
        assert.deepStrictEqual(
          (yield* generations).map(({ pins, revision }) => ({ pins, revision })),
          [{ pins: 0, revision: CHANGES + 1 }],
        )
        const { days } = yield* Followed
        const lastDays = (yield* store.snapshot).config.retention.days
        while (days.at(-1) !== lastDays) yield* Effect.yieldNow
        const said = yield* hear(heard, (event) => event instanceof ConfigChanged && event.revision > CHANGES)
        yield* settled
        said.push(...(yield* Queue.takeAll(heard)))
        const rebuilt = said.filter((event) => event instanceof ServiceRebuilt)
        const released = said.filter((event) => event instanceof ServiceReleased)
        assert.strictEqual(rebuilt.length, built.length - serving.length)
        assert.deepStrictEqual(
          released.map(({ service }) => service).toSorted(),
          rebuilt.map(({ service }) => service).toSorted(),
        )
        assert.deepStrictEqual(
          released.filter(({ forced }) => forced),
          [],
        )
        assert.strictEqual(said.filter(({ _tag }) => _tag === "config.changed").length, CHANGES)
      }).pipe(running),
  )
})

describe("a host whose services cannot be built for a change", () => {
  it.live("changes neither memory nor disk nor history, and names the service and the reason", () =>
    Effect.gen(function* () {
      const store = yield* AppConfig
      const { directory, file } = yield* DocumentFile
      const heard = yield* listen
      yield* hear(heard, (event) => event._tag === "config.seeded")
      const stream = yield* startStream
      yield* stream.goOn
      const before = {
        text: yield* textOf,
        snapshot: yield* store.snapshot,
        history: yield* store.history,
        seen: yield* Services.provide(look),
        open: yield* open,
        generations: (yield* generations).map(({ number }) => number),
      }
      // All three clients are rebuilt and one of them fails, so that the router and the keeper are not.
      const edits = [
        { path: "/providers/a/key", value: "sk-a-new" },
        { path: "/providers/c/url", value: "http://nowhere" },
        { path: "/models/fast", value: "never" },
        { path: "/retention/days", value: 77 },
      ]
      const plan = yield* store.plan(edits)
      const error = yield* Effect.flip(store.update(edits))
      if (error.reason._tag !== "Rejected") return assert.fail(error.reason._tag)
      const problem = { by: "test/Clients/c", path: "", message: "Unreachable: there is no route to http://nowhere" }
      assert.deepStrictEqual(error.reason.problems, [problem])
      assert.deepStrictEqual(plan.problems, [problem])
      assert.include(error.message, `${file}: test/Clients/c: Unreachable: there is no route to http://nowhere`)

      yield* stream.goOn
      for (const chunk of stream.seen) assert.deepStrictEqual(chunk, before.seen)
      const after = {
        text: yield* textOf,
        snapshot: yield* store.snapshot,
        history: yield* store.history,
        seen: yield* Services.provide(look),
        open: yield* open,
        generations: (yield* generations).map(({ number }) => number),
      }
      assert.deepStrictEqual(after, before)
      assert.isAbove((yield* Yard).built.length, before.open.length, "something was built and let go again")
      const said = yield* hear(heard, (event) => event instanceof ConfigRejected)
      assert.strictEqual(said.length, 1)
      like(said[0], { origin: "api", problems: [problem] })
      assert.deepStrictEqual(yield* store.problems, [], "what stands at the source is in force")
      assert.isFalse(
        (yield* (yield* FileSystem.FileSystem).readDirectory(directory)).some((name) => name.startsWith(".")),
      )

      yield* store.update([{ path: "/models/fast", value: "next" }])
      assert.strictEqual((yield* store.snapshot).revision, before.snapshot.revision + 1)
    }).pipe(running),
  )

  it.live("serves the last good configuration after an invalid save, until the next valid one", () =>
    Effect.gen(function* () {
      const store = yield* AppConfig
      const { save } = yield* DocumentFile
      const heard = yield* listen
      yield* hear(heard, (event) => event._tag === "config.seeded")
      const before = yield* Services.provide(look)
      const good = yield* textOf
      const bad = good.replace("http://c", "http://nowhere").replace("model-0", "never")
      yield* save(bad)
      const [rejected] = yield* hear(heard, () => true)
      if (!(rejected instanceof ConfigRejected)) return assert.fail(`said ${rejected?._tag}`)
      like(rejected, { origin: "file", hash: sha256(bad) })
      assert.deepStrictEqual(
        rejected.problems.map(({ by }) => by),
        ["test/Clients/c"],
      )
      assert.deepStrictEqual(yield* store.problems, rejected.problems)
      assert.deepStrictEqual(yield* Services.provide(look), before)
      assert.strictEqual(yield* textOf, bad)
      yield* save(good.replace("model-0", "corrected"))
      const said = yield* hear(heard, (event) => event._tag === "config.changed")
      like(said.at(-1), { revision: 2, paths: ["/models/fast"] })
      assert.deepStrictEqual(yield* store.problems, [])
      const after = yield* Services.provide(look)
      assert.strictEqual(after.says[0], "corrected at sk-b-0")
      assert.deepStrictEqual(after.numbers.slice(2), before.numbers.slice(2), "all three clients are the same")
      while ((yield* open).length > serving.length) yield* Effect.yieldNow
    }).pipe(running),
  )
})
