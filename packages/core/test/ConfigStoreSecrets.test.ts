/** No output of the store contains a secret of its document. */
import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { changeSummary, reloadFailed } from "@signalbox/core/ChangeSummary"
import type { ConfigStoreError } from "@signalbox/core/ConfigError"
import { MemoryDocument } from "@signalbox/core/MemoryConfigSource"
import { PrepareFailed, Reconciler } from "@signalbox/core/Reconciler"
import * as Setting from "@signalbox/core/Setting"
import { Context, Effect, Exit, Layer, Logger, Redacted, Schema, Tracer } from "effect"
import { AppConfig, edited, ProviderSettings, place, publishedEvents, running, saved, text } from "./ConfigStoreHost.ts"

const secrets = [
  "sk-first-Secret1",
  "sk-second-Secret2",
  "sk-environment-Secret3",
  "sk-runtime-Secret4",
  "sk-wrong-Secret5",
] as const
const [first, second, third, fourth, fifth] = secrets

class Throwing extends Setting.Service<Throwing>()("test/Throwing", Schema.String) {}
const throwing = AppConfig.setting(Throwing, ({ providers }) => {
  const key = providers["thrown"]?.key
  if (key !== undefined) throw new Error(`cannot use ${Redacted.value(key)}`)
  return ""
})

/** Everything that left the store, at any depth. */
const dump = (shown: ReadonlyArray<unknown>) =>
  shown
    .map((value) =>
      [
        inspect(value, { depth: 50, maxStringLength: null, maxArrayLength: null, getters: true }),
        inspect(value, { depth: 50, maxStringLength: null, maxArrayLength: null, customInspect: false }),
        String(value),
        JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? String(inner) : inner)),
      ].join("\n"),
    )
    .join("\n")

const key = (value: unknown, provider = "a") => [{ path: `/providers/${provider}`, value: { url: "u", key: value } }]

describe("a secret", () => {
  it.effect(
    "keeps secrets out of events, errors, plans, changes, redacted documents, warnings, the history, logs and spans",
    () => {
      const shown: Array<unknown> = []
      const show = <A, E extends ConfigStoreError, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.map(Effect.exit(effect), (exit) => {
          shown.push(exit)
          if (Exit.isFailure(exit))
            shown.push(Effect.runSync(Effect.flip(exit)).message, reloadFailed(Effect.runSync(Effect.flip(exit))))
          return exit
        })
      const logger = Logger.make(({ cause, message }) => void shown.push(message, cause))
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          shown.push(span)
          return span
        },
      })
      return Effect.gen(function* () {
        const store = yield* AppConfig
        const refuse = ({ values }: { readonly values: ReadonlyMap<string, unknown> }) =>
          Object.hasOwn(Object(values.get(ProviderSettings.key)), "refused")
            ? Effect.fail(new PrepareFailed({ failures: [{ node: "test/Node", message: "refuses" }] }))
            : Effect.succeed({ rebuilt: [], commit: () => [], afterCommit: Effect.void })
        yield* (yield* Reconciler).run((transaction) => transaction.attach({ prepare: refuse }))

        yield* show(store.update(key(first, "e")))
        yield* show(store.plan(key(first)))
        yield* show(store.update(key(first)))
        yield* show(store.update(key(second)))
        yield* show(store.plan([{ path: "/providers/a", remove: true }]))
        yield* show(store.override(key(fourth, "b")))
        yield* show(store.update(key(fifth, "refused")))
        yield* show(store.update(key(fifth, "thrown")))
        yield* show(store.update(key([fifth])))
        yield* show(store.update([{ path: "/providers/a/url", value: { key: fifth } }]))
        yield* show(store.update([{ path: `/providers/a/${"x"}`, value: fifth }]))
        yield* show(store.plan(key({ value: fifth })))
        yield* show(store.override([{ path: "/providers/a/url", value: [fifth] }]))
        yield* show(store.update([{ path: "/retention/days", value: fifth }]))
        yield* show(store.replace(`{ "providers": { "a": { "url": "u", "key": "${fifth}" } } `))
        yield* show(store.replace(`{ "providers": { "a": { "url": "u", "key": ${fifth} } } }`))
        yield* show(store.reload({ ignoreEnvironment: true }))
        yield* show(store.reload({ ignoreEnvironment: false }))
        yield* show(store.document)
        const good = yield* text
        assert.include(good, second)
        for (const bad of [
          good.replace(`"${second}"`, `"${fifth}`),
          good.replace(`"${second}"`, fifth),
          good.replace(`"key": "${second}"`, `"${fifth}": 1, "key": 3`),
          edited(good, (document) => Object.assign(document, { kye: fifth, retention: { days: fifth } })),
        ]) {
          yield* saved(bad)
          yield* show(store.problems)
          yield* show(store.document)
          yield* show(store.reload())
          yield* show(store.update(key(fifth)))
          yield* show(store.plan(key(fifth)))
        }
        yield* saved(edited(good, (document) => Object.assign(document, { kye: fifth, providers: {} })))
        yield* show(store.warnings)
        yield* show(store.document)
        yield* (yield* MemoryDocument).save(edited(good, (document) => Object.assign(document, { kye: fifth })))
        yield* show(store.replace(good))
        yield* show(store.undo)
        yield* show(store.undo)
        yield* show(store.history)
        yield* show(store.replace(good))
        for (let revision = 1; revision < 20; revision++) {
          const changes = yield* store.changesOf(revision)
          shown.push(changes, changeSummary(changes ?? []))
        }
        const events = yield* publishedEvents
        assert.isAbove(events.length, 10)
        shown.push(...events)
        shown.push(yield* store.snapshot, Context.get(yield* Effect.context<AppConfig>(), AppConfig))

        const everything = dump(shown)
        for (const secret of secrets) assert.notInclude(everything, secret)
        // The search itself finds the secrets.
        assert.include(dump([Redacted.value(Redacted.make(first))]), first)
        assert.include(yield* text, "sk-")
        assert.strictEqual(
          yield* AppConfig.get(({ providers }) => Redacted.value(providers["e"]?.key ?? Redacted.make(""))),
          third,
        )
      }).pipe(
        Effect.provide(throwing),
        (effect) => running(effect, { TEST_PROVIDERS_E_KEY: third }),
        Effect.provide(Layer.merge(place, Logger.layer([logger]))),
        Effect.withTracer(tracer),
      )
    },
  )
})
