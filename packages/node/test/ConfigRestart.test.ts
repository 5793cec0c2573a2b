/** A restart on a real file with an invalid document: the last valid configuration serves until the document is corrected. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigRejected } from "@signalbox/core/ConfigEvents"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import * as Setting from "@signalbox/core/Setting"
import * as Signalbox from "@signalbox/node/Signalbox"
import { Context, Effect, FileSystem, Layer, Schema } from "effect"
import { DocumentFile, hear, like, listen, settled, sha256, textOf } from "./ConfigFollowing.ts"

class AppConfig extends ConfigStore.Service<AppConfig>()("test/AppConfig", {
  schema: Schema.Struct({ models: Schema.Record(Schema.String, Schema.String), port: Schema.Int }),
  seed: `{ "models": {}, "port": 1 }\n`,
}) {}

/** Each call is a new process over the same document. */
const running = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(DocumentFile, ({ file }) =>
    Effect.provide(effect, Layer.fresh(Layer.provideMerge(AppConfig.layer, Signalbox.layerAt(file)))),
  )

const good = (fast: string) => `{\n  "models": { "fast": "${fast}" },\n  "port": 4321\n}\n`
const snapshot = Effect.flatMap(AppConfig, (store) => store.snapshot)
const problems = Effect.flatMap(AppConfig, (store) => store.problems)

/** Accepts two documents, one after the other. */
const accepted = Effect.gen(function* () {
  const store = yield* AppConfig
  yield* store.replace(good("first"))
  yield* store.update([{ path: "/models/fast", value: "second" }])
})

const bad = [
  {
    what: "does not fit the schema",
    text: `{\n  "models": { "fast": "third" },\n  "port": "eighty"\n}\n`,
    problem: { by: "schema", path: "/port", line: 3, column: 11 },
  },
  {
    what: "cannot be parsed",
    text: `{\n  "models": { "fast": "third" },\n  "port": 80,,\n}\n`,
    problem: { by: "parser", line: 3, column: 14 },
  },
  { what: "is empty", text: "", problem: { by: "parser", line: 1, column: 1 } },
] as const

describe("a host that starts with a refused document", () => {
  for (const { problem, text, what } of bad) {
    it.live(
      `serves the newest accepted document if the stored one ${what}, reports the position, and accepts the correction`,
      () =>
        Effect.gen(function* () {
          const { file, save } = yield* DocumentFile
          yield* running(accepted)
          yield* save(text)
          yield* running(
            Effect.gen(function* () {
              const heard = yield* listen
              assert.deepStrictEqual(yield* snapshot, {
                revision: 1,
                hash: sha256(good("second")),
                config: { models: { fast: "second" }, port: 4321 },
              })
              const [rejected, ...others] = yield* hear(heard, () => true)
              assert.deepStrictEqual(others, [])
              if (!(rejected instanceof ConfigRejected)) return assert.fail(`said ${rejected?._tag}`)
              assert.deepInclude(rejected, { origin: "start", hash: sha256(text), truncated: false })
              assert.deepInclude(rejected.problems[0], problem)
              assert.deepStrictEqual(yield* problems, rejected.problems)

              // An edit applies to the stored document, which cannot be edited.
              const store = yield* AppConfig
              const refused = yield* Effect.flip(store.update([{ path: "/port", value: 5 }]))
              assert.strictEqual(refused.reason._tag, "Rejected")
              assert.include(refused.message, `${file}:${problem.line}:${problem.column}: `)
              assert.strictEqual(yield* textOf, text, "the saved text stays as it is")

              yield* save(good("corrected"))
              const said = yield* hear(heard, (event) => event._tag === "config.changed")
              like(said.at(-1), {
                revision: 2,
                hash: sha256(good("corrected")),
                previousHash: sha256(good("second")),
                origin: "file",
                paths: ["/models/fast"],
              })
              // The refusal of the same document was published once.
              assert.strictEqual(said.length, 1)
              assert.deepStrictEqual(yield* problems, [])
            }),
          )
          yield* running(
            Effect.gen(function* () {
              assert.strictEqual((yield* snapshot).hash, sha256(good("corrected")))
              assert.deepStrictEqual(yield* problems, [])
            }),
          )
        }).pipe(Effect.provide(Layer.fresh(DocumentFile.layer))),
    )
  }

  it.live("serves the last good document after a service refused the stored one, and tries that again on reload", () =>
    Effect.gen(function* () {
      const { save } = yield* DocumentFile
      class Models extends Setting.Service<Models>()("test/Models", Schema.Record(Schema.String, Schema.String)) {}
      class Table extends Context.Service<Table, { readonly size: number }>()("test/Table") {}
      let full = true
      const table = Effect.flatMap(Models.get, ({ fast }) =>
        fast === "third" && full ? Effect.fail("no room for a third") : Effect.succeed({ size: 1 }),
      )
      class Services extends ServiceGraph.Service<Services>()("test/Services", {
        nodes: [ServiceGraph.node(Table, { needs: [Models], layer: Layer.effect(Table, table) })],
      }) {}
      const services = Layer.provide(
        Services.layer,
        AppConfig.setting(Models, ({ models }) => models),
      )
      const serving = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        running(Effect.provide(effect, Layer.fresh(services)))
      yield* running(accepted)
      yield* serving(
        Effect.gen(function* () {
          const heard = yield* listen
          yield* save(good("third"))
          yield* hear(heard, (event) => event._tag === "config.rejected")
        }),
      )
      for (const again of [false, true]) {
        yield* serving(
          Effect.gen(function* () {
            assert.strictEqual((yield* snapshot).hash, sha256(good("second")))
            assert.deepInclude((yield* problems)[0], { by: "history" })
            yield* settled
            if (!again) return
            full = false
            yield* (yield* AppConfig).reload()
            assert.strictEqual((yield* snapshot).hash, sha256(good("third")))
          }),
        )
      }
      yield* serving(
        Effect.gen(function* () {
          assert.strictEqual((yield* snapshot).hash, sha256(good("third")))
          assert.deepStrictEqual(yield* problems, [])
        }),
      )
    }).pipe(Effect.provide(Layer.fresh(DocumentFile.layer))),
  )

  it.live("does not start in strict mode or without a history until the document is corrected", () =>
    Effect.gen(function* () {
      const { directory, save } = yield* DocumentFile
      const fs = yield* FileSystem.FileSystem
      const starts = Effect.exit(running(snapshot))
      const strictly = Effect.provideService(starts, ConfigStore.StrictStart, true)
      yield* running(accepted)
      yield* save(bad[0].text)
      assert.strictEqual((yield* strictly)._tag, "Failure")
      assert.strictEqual((yield* starts)._tag, "Success")
      yield* fs.remove(`${directory}/history`, { recursive: true })
      const refused = yield* Effect.flip(running(snapshot))
      assert.strictEqual(refused.reason._tag, "Rejected")
      assert.include(refused.message, ":3:11: ")
      assert.strictEqual(yield* textOf, bad[0].text)
      yield* save(good("corrected"))
      assert.strictEqual((yield* strictly)._tag, "Success")
    }).pipe(Effect.provide(Layer.fresh(DocumentFile.layer))),
  )

  it.live("reports config.restored without a change when the accepted document is restored, also by undo", () =>
    Effect.gen(function* () {
      const { save } = yield* DocumentFile
      yield* running(accepted)
      for (const healing of [
        save(good("second")),
        Effect.flatMap(AppConfig, (store) => store.undo),
        Effect.flatMap(AppConfig, (store) => store.replace(good("second"))),
      ]) {
        yield* save(bad[0].text)
        yield* running(
          Effect.gen(function* () {
            const heard = yield* listen
            assert.deepStrictEqual(
              (yield* hear(heard, () => true)).map(({ _tag }) => _tag),
              ["config.rejected"],
            )
            assert.isAbove((yield* problems).length, 0)
            yield* healing
            while ((yield* problems).length > 0) yield* Effect.yieldNow
            yield* settled
            assert.deepInclude(yield* snapshot, { revision: 1, hash: sha256(good("second")) })
            assert.strictEqual(yield* textOf, good("second"))
            // The next event belongs to the next change.
            yield* (yield* AppConfig).update([{ path: "/port", value: 5 }])
            const said = yield* hear(heard, (event) => event._tag === "config.changed")
            assert.deepStrictEqual(
              said.filter(({ _tag }) => _tag !== "config.overwritten").map(({ _tag }) => _tag),
              ["config.restored", "config.changed"],
            )
            yield* (yield* AppConfig).replace(good("second"))
          }),
        )
      }
    }).pipe(Effect.provide(Layer.fresh(DocumentFile.layer))),
  )
})
