/**
 * The contract of every `ConfigSource`. Run it with `configSourceSuite(name, layer, options)`. Each test builds the layer again, which must begin
 * without a document. `ForeignEditor` saves as another program does.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer, Queue, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { ConfigSource, HistoryBounds, type Keeping } from "../ConfigSource.ts"

export class ForeignEditor extends Context.Service<
  ForeignEditor,
  {
    /** Saves without a lock or a comparison; `undefined` deletes the document. */
    readonly save: (text: string | undefined) => Effect.Effect<void>
    readonly text: Effect.Effect<string | undefined>
  }
>()("@signalbox/core/testing/ForeignEditor") {}

export interface SuiteOptions {
  /** `live` if the source notices changes independently of `TestClock`. Default `test`. */
  readonly clock?: "test" | "live"
}

type Services = ConfigSource | ForeignEditor
type Test = (title: string, body: Effect.Effect<void, unknown, Services | Scope.Scope>) => void

export const configSourceSuite = <E>(
  name: string,
  layer: Layer.Layer<Services, E>,
  options: SuiteOptions = {},
): void => {
  const { clock = "test" } = options
  describe(name, () => {
    const test: Test = (title, body) =>
      (clock === "live" ? it.live : it.effect)(title, () => Effect.provide(body, Layer.fresh(layer)))
    documents(test)
    exclusion(test)
    hints(test, clock)
    history(test)
    it.effect("keeps the newest documents within the bounds of the history", () =>
      bounded.pipe(
        Effect.provide(
          Layer.provide(Layer.fresh(layer), Layer.succeed(HistoryBounds, { maxEntries: 3, maxBytes: 100 })),
        ),
      ),
    )
  })
}

const documents = (test: Test) => {
  test(
    "fails with ENOENT for readers and writers before the first save",
    Effect.gen(function* () {
      const source = yield* ConfigSource
      assert.strictEqual((yield* Effect.flip(source.read)).code, "ENOENT")
      const error = yield* Effect.flip(source.write("{}", yield* source.hash("")))
      assert.deepInclude(error, { _tag: "SourceUnavailable", code: "ENOENT" })
      assert.isUndefined(yield* (yield* ForeignEditor).text)
    }),
  )
  test(
    "seeds once, and never over a saved document",
    Effect.gen(function* () {
      const source = yield* ConfigSource
      const editor = yield* ForeignEditor
      const [first, second] = [yield* source.seed("{}"), yield* source.seed("[]")]
      assert.deepStrictEqual(first, { text: "{}", hash: yield* source.hash("{}"), seeded: true })
      assert.deepStrictEqual(second, { ...first, seeded: false })
      yield* editor.save("// mine")
      assert.deepInclude(yield* source.seed("{}"), { text: "// mine", seeded: false })
    }),
  )
  test(
    "returns the hash of the document that it wrote, even if the text begins with a byte order mark",
    Effect.gen(function* () {
      const source = yield* ConfigSource
      const { hash } = yield* source.seed("\uFEFF{}")
      assert.strictEqual((yield* source.read).hash, hash)
      const written = yield* source.write("\uFEFF[]", hash)
      assert.strictEqual((yield* source.read).hash, written.hash)
      assert.strictEqual(written.hash, yield* source.hash("[]"))
    }),
  )
  test(
    "writes only over the document with the expected hash",
    Effect.gen(function* () {
      const source = yield* ConfigSource
      const seen = yield* source.seed("one")
      const { hash } = yield* source.write("two", seen.hash)
      assert.deepStrictEqual(yield* source.read, { text: "two", hash })
      const error = yield* Effect.flip(source.write("three", seen.hash))
      assert.deepInclude(error, { _tag: "Conflict", expected: seen.hash, actual: hash })
      yield* (yield* ForeignEditor).save("edited")
      assert.strictEqual((yield* Effect.flip(source.write("three", hash)))._tag, "Conflict")
      assert.strictEqual((yield* source.read).text, "edited")
    }),
  )
  test(
    "returns the SHA-256 of the text's UTF-8 bytes as its hash",
    Effect.gen(function* () {
      const source = yield* ConfigSource
      const text = `{ "grüße": "🚦" }`
      const seeded = yield* source.seed(text)
      assert.match(seeded.hash, /^[0-9a-f]{64}$/)
      assert.strictEqual(yield* source.hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
      assert.strictEqual(seeded.hash, yield* source.hash(text))
      assert.strictEqual((yield* source.read).text, text)
    }),
  )
  test(
    "lets one of many concurrent writers succeed, and fails the others with a conflict",
    Effect.gen(function* () {
      const source = yield* ConfigSource
      const { hash } = yield* source.seed("start")
      const outcomes = yield* Effect.forEach(
        Array.from({ length: 10 }, (_, i) => `writer ${i}`),
        (text) => Effect.match(source.write(text, hash), { onFailure: ({ _tag }) => _tag, onSuccess: () => text }),
        { concurrency: "unbounded" },
      )
      const winners = outcomes.filter((outcome) => outcome !== "Conflict")
      assert.deepStrictEqual(winners, [(yield* source.read).text])
    }),
  )
}

const exclusion = (test: Test) => {
  test(
    "excludes other writers during `exclusively`, which may write itself",
    Effect.gen(function* () {
      const source = yield* ConfigSource
      const { hash } = yield* source.seed("start")
      const entered = yield* Deferred.make<void>()
      const leave = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(
        source.exclusively(
          Effect.gen(function* () {
            yield* Deferred.succeed(entered, undefined)
            yield* Deferred.await(leave)
            return yield* source.exclusively(source.write("held", hash))
          }),
        ),
      )
      yield* Deferred.await(entered)
      const other = yield* Effect.forkChild(Effect.flip(source.write("other", hash)))
      yield* Deferred.succeed(leave, undefined)
      const written = yield* Fiber.join(holder)
      assert.deepInclude(yield* Fiber.join(other), { _tag: "Conflict", actual: written.hash })
    }),
  )
  test(
    "leaves nothing behind when a waiting writer is interrupted",
    Effect.gen(function* () {
      const source = yield* ConfigSource
      const { hash } = yield* source.seed("start")
      const entered = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(
        source.exclusively(Effect.andThen(Deferred.succeed(entered, undefined), Effect.never)),
      )
      yield* Deferred.await(entered)
      const waiting = yield* Effect.forkChild(source.write("never", hash), { startImmediately: true })
      yield* Fiber.interrupt(waiting)
      yield* Fiber.interrupt(holder)
      assert.strictEqual((yield* source.read).text, "start")
      yield* source.write("after", hash)
    }),
  )
}

/** Advances the clock until the hint comes. */
const raceTime = <A>(hint: Effect.Effect<A>): Effect.Effect<A> =>
  Effect.raceFirst(hint, Effect.forever(TestClock.adjust("1 second")))

const hints = (test: Test, clock: "test" | "live") => {
  const arrival = clock === "live" ? <A>(hint: Effect.Effect<A>) => hint : raceTime
  const listen = Effect.gen(function* () {
    const hints = yield* Queue.unbounded<void>()
    const source = yield* ConfigSource
    yield* Effect.forkScoped(Stream.runForEach(source.hints, () => Queue.offer(hints, undefined)))
    // The first hint reports that the source watches.
    yield* arrival(Queue.take(hints))
    return hints
  })
  test(
    "emits a hint for a foreign save, a deletion and the return of the document",
    Effect.gen(function* () {
      const source = yield* ConfigSource
      const editor = yield* ForeignEditor
      yield* source.seed("start")
      const hints = yield* listen
      for (const text of ["edited", undefined, "edited"]) {
        yield* editor.save(text)
        yield* arrival(Queue.take(hints))
        assert.strictEqual(
          yield* Effect.orElseSucceed(
            Effect.map(source.read, ({ text }) => text),
            () => undefined,
          ),
          text,
        )
      }
    }),
  )
  test(
    "emits a hint to every listener",
    Effect.gen(function* () {
      const source = yield* ConfigSource
      yield* source.seed("start")
      const [one, two] = [yield* listen, yield* listen]
      yield* (yield* ForeignEditor).save("edited")
      yield* arrival(Queue.take(one))
      yield* arrival(Queue.take(two))
    }),
  )
  if (clock === "live") return
  test(
    "emits no hint for its own writes and for saves without a change",
    Effect.gen(function* () {
      const source = yield* ConfigSource
      const editor = yield* ForeignEditor
      const { hash } = yield* source.seed("start")
      const hints = yield* listen
      yield* source.write("own", hash)
      for (let i = 0; i < 20; i++) {
        yield* editor.save("own")
        yield* TestClock.adjust("1 second")
      }
      yield* editor.save("foreign")
      yield* arrival(Queue.take(hints))
      assert.strictEqual((yield* source.read).text, "foreign")
      assert.strictEqual(yield* Queue.size(hints), 0)
    }),
  )
  test(
    "emits a hint when a foreign save restores the text before its own write",
    Effect.gen(function* () {
      const source = yield* ConfigSource
      const { hash } = yield* source.seed("start")
      const hints = yield* listen
      yield* source.write("own", hash)
      yield* (yield* ForeignEditor).save("start")
      yield* arrival(Queue.take(hints))
    }),
  )
}

const history = (test: Test) => {
  test(
    "lists the kept documents, newest first, and returns each by its hash",
    Effect.gen(function* () {
      const { history, hash } = yield* ConfigSource
      assert.deepStrictEqual(yield* history.list, [])
      const hashes = yield* Effect.forEach(["one", "two", "two", "one"], (text) =>
        Effect.tap(hash(text), (hash) => history.keep(text, hash)),
      )
      const kept = yield* history.list
      assert.deepStrictEqual(
        kept.map((entry) => entry.hash),
        [hashes[3], hashes[1], hashes[0]],
      )
      assert.isTrue(kept.every(({ at }, i) => i === 0 || at < kept[i - 1]!.at))
      assert.deepStrictEqual(
        kept.map(({ bytes }) => bytes),
        [3, 3, 3],
      )
      assert.deepStrictEqual(yield* history.read(hashes[1]!), { text: "two", hash: hashes[1]! })
      assert.isUndefined(yield* history.read(yield* hash("three")))
    }),
  )
  test(
    "records the target of a step back, and of nothing else",
    Effect.gen(function* () {
      const { history, hash } = yield* ConfigSource
      const [one, two] = [yield* hash("one"), yield* hash("two")]
      yield* history.keep("one", one)
      yield* history.keep("two", two)
      yield* history.keep("one", one, { backTo: one })
      yield* history.rewrite((text) => `${text}.`)
      const [back, ...others] = yield* history.list
      assert.deepStrictEqual([back?.hash, back?.bytes], [one, 4])
      assert.isTrue(one.startsWith(back?.backTo ?? "?"))
      assert.isAtLeast(back?.backTo?.length ?? 0, 16)
      assert.deepStrictEqual(
        others.map((entry) => [entry.hash, "backTo" in entry]),
        [
          [two, false],
          [one, false],
        ],
      )
      assert.deepStrictEqual(yield* history.read(one), { text: "one.", hash: one })
      yield* history.remove(one)
      assert.lengthOf(yield* history.list, 1)
    }),
  )
  test(
    "records why a text was never in force, and keeps it again once it is in force",
    Effect.gen(function* () {
      const { history, hash } = yield* ConfigSource
      const keep = (text: string, keeping?: Keeping) =>
        Effect.flatMap(hash(text), (hash) => history.keep(text, hash, keeping))
      const listed = Effect.gen(function* () {
        const entries = yield* history.list
        const texts = yield* Effect.forEach(entries, (entry) => history.read(entry.hash))
        return entries.map(({ neverInForce }, i) => `${texts[i]?.text} ${neverInForce ?? "was in force"}`)
      })
      yield* keep("one", { neverInForce: "refused" })
      assert.deepStrictEqual(yield* listed, ["one refused"])
      yield* keep("one")
      yield* keep("two", { neverInForce: "overwritten" })
      const start = ["two overwritten", "one was in force", "one refused"]
      assert.deepStrictEqual(yield* listed, start)
      // Nothing new: in force, or kept since then.
      yield* keep("one")
      yield* keep("one", { neverInForce: "refused" })
      yield* keep("two", { neverInForce: "overwritten" })
      assert.deepStrictEqual(yield* listed, start)
      yield* keep("two", { neverInForce: "refused" })
      yield* keep("two", { neverInForce: "overwritten" })
      assert.deepStrictEqual(yield* listed, ["two refused", ...start])
      yield* keep("two")
      assert.deepStrictEqual(yield* listed, ["two was in force", "two refused", ...start])
      // A refused text is kept without its secrets; the whole text replaces it.
      const three = yield* hash("three")
      yield* history.keep("3", three, { neverInForce: "refused" })
      assert.strictEqual((yield* history.read(three))?.text, "3")
      yield* keep("three", { neverInForce: "overwritten" })
      yield* keep("four")
      yield* history.keep("3", three, { neverInForce: "refused" })
      assert.strictEqual((yield* history.read(three))?.text, "three")
    }),
  )
  test(
    "keeps a text once if another process has kept it after the same predecessor",
    Effect.gen(function* () {
      const { history, hash } = yield* ConfigSource
      const keep = Effect.fnUntraced(function* (text: string, after?: string) {
        yield* history.keep(text, yield* hash(text), after === undefined ? {} : { after: yield* hash(after) })
      })
      const sizes = Effect.map(history.list, (entries) => entries.map(({ bytes }) => bytes))
      yield* keep("1")
      yield* keep("22", "1")
      yield* keep("333", "22")
      yield* keep("22", "1")
      assert.deepStrictEqual(yield* sizes, [3, 2, 1])
      // Restored by hand.
      yield* keep("22", "333")
      assert.deepStrictEqual(yield* sizes, [2, 3, 2, 1])
      // Other processes wrote so much since then that the predecessor was swept.
      yield* keep("333", "swept")
      assert.deepStrictEqual(yield* sizes, [2, 3, 2, 1])
      yield* keep("333")
      yield* keep("4444", "swept")
      assert.deepStrictEqual(yield* sizes, [4, 3, 2, 3, 2, 1])
    }),
  )
  test(
    "rewrites and removes kept texts without changing their hashes",
    Effect.gen(function* () {
      const { history, hash } = yield* ConfigSource
      const [secret, other] = [yield* hash("key: s3cret"), yield* hash("other")]
      yield* history.keep("key: s3cret", secret)
      yield* history.keep("other", other)
      yield* history.rewrite((text) => text.replaceAll("s3cret", "•"))
      assert.deepStrictEqual(yield* history.read(secret), { text: "key: •", hash: secret })
      yield* history.remove(secret)
      yield* history.remove(secret)
      assert.isUndefined(yield* history.read(secret))
      assert.deepStrictEqual(
        (yield* history.list).map(({ hash }) => hash),
        [other],
      )
    }),
  )
}

const bounded = Effect.gen(function* () {
  const { history, hash } = yield* ConfigSource
  for (const text of ["1", "2", "3", "4"]) yield* history.keep(text, yield* hash(text))
  assert.strictEqual((yield* history.list).length, 3)
  const long = "x".repeat(99)
  yield* history.keep(long, yield* hash(long))
  assert.deepStrictEqual(
    (yield* history.list).map(({ bytes }) => bytes),
    [99, 1],
  )
  // The last document in force stays, regardless of later entries.
  for (const text of ["bad", "worse", "worst"])
    yield* history.keep(text, yield* hash(text), { neverInForce: "refused" })
  assert.deepStrictEqual(
    (yield* history.list).map(({ bytes }) => bytes),
    [5, 99],
  )
  const longer = "x".repeat(200)
  yield* history.keep(longer, yield* hash(longer))
  assert.deepStrictEqual(
    (yield* history.list).map(({ bytes }) => bytes),
    [200],
  )
})
