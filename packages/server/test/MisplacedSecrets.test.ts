/** A key that was written to the wrong place of the document is in no output, and in no text of the history once it was removed. */
import { assert, describe, it } from "@effect/vitest"
import { changeSummary } from "@signalbox/core/ChangeSummary"
import type { Edit } from "@signalbox/core/ConfigDocument"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import { EventBus } from "@signalbox/core/EventBus"
import * as MemoryConfigSource from "@signalbox/core/MemoryConfigSource"
import { Reconciler } from "@signalbox/core/Reconciler"
import { HostConfig } from "@signalbox/server"
import { Effect, Layer } from "effect"

const start = `{
  "providers": { "p": { "kind": "openai" } },
  "models": { "m": { "upstream": "u", "provider": "p" } }
}`
const host = HostConfig.layer.pipe(
  Layer.provide(Layer.effectDiscard(Effect.flatMap(MemoryConfigSource.MemoryDocument, ({ save }) => save(start)))),
  Layer.provideMerge(MemoryConfigSource.layer),
  Layer.provide(Reconciler.layer),
  Layer.provide(EventBus.layer),
)

const plain = "hunter2-hunter2"
const shaped = "sk-proj-4f9aB1c2D3e4F5g6"

/** The wrong places of a key, with its value there. */
const mistakes: ReadonlyArray<readonly [path: string, secret: string, value?: unknown]> = [
  ["/providers/p/apikey", plain],
  ["/providers/p/apiKey", plain],
  ["/providers/p/API-KEY", plain],
  ["/providers/p/api_kye", plain],
  ["/providers/p/apikey", plain, { value: [plain] }],
  ["/api_key", plain],
  ["/models/m/api_key", plain],
  ["/provider", plain, { q: { kind: "openai", api_key: plain } }],
  ["/providers/p/key", shaped],
  ["/models/m/note", shaped],
  ["/notes", shaped, [{ text: shaped }]],
]

const historyTexts = Effect.gen(function* () {
  const { history } = yield* ConfigSource
  const texts: Array<string> = []
  for (const { hash } of yield* history.list) texts.push((yield* history.read(hash))?.text ?? "")
  return texts
})

describe("a key in the wrong place", () => {
  for (const [path, secret, value = secret] of mistakes) {
    const title = `${path} = ${JSON.stringify(value)}`
    const shows = Effect.gen(function* () {
      const store = yield* HostConfig
      const everything = [yield* store.document, yield* store.effective, yield* store.warnings]
      const past = yield* Effect.forEach(yield* store.history, ({ hash }) => Effect.result(store.past(hash)))
      assert.notInclude(JSON.stringify([everything, past]), secret)
    })
    const update = (edits: ReadonlyArray<Edit>) =>
      Effect.gen(function* () {
        const { changes, warnings } = yield* (yield* HostConfig).update(edits)
        assert.notInclude(JSON.stringify([changes, changeSummary(changes), warnings]), secret)
        yield* shows
      })

    it.effect(`is blanked in the history when it is removed: ${title}`, () =>
      Effect.gen(function* () {
        yield* update([{ path, value }])
        yield* update([{ path: "/features/debug", value: true }])
        assert.isTrue((yield* historyTexts).some((text) => text.includes(secret)))
        yield* update([{ path, remove: true }])
        for (const text of yield* historyTexts) assert.notInclude(text, secret)
        const undone = yield* Effect.result((yield* HostConfig).undo)
        assert.notInclude(JSON.stringify(undone), secret)
      }).pipe(Effect.provide(host)),
    )

    it.effect(`stays until it leaves its right place too: ${title}`, () =>
      Effect.gen(function* () {
        yield* update([{ path, value }])
        yield* update([
          { path, remove: true },
          { path: "/providers/p/api_key", value: secret },
        ])
        yield* update([{ path: "/providers/p/api_key", value: "sk-new-0123456789abcdef" }])
        for (const text of yield* historyTexts) assert.notInclude(text, secret)
      }).pipe(Effect.provide(host)),
    )
  }

  it.effect("is refused as a name or in an address, which are shown everywhere", () =>
    Effect.gen(function* () {
      const store = yield* HostConfig
      const model = { upstream: "u", provider: "p" }
      for (const edit of [
        { path: "/models/m/upstream", value: shaped },
        { path: "/models/m/allowed_keys", value: [shaped] },
        { path: `/models/${shaped}`, value: model },
        { path: `/providers/${shaped}`, value: { kind: "echo" } },
        { path: "/providers/p/base_url", value: `https://host/${shaped}/v1` },
      ]) {
        const { message, reason } = yield* Effect.flip(store.update([edit]))
        assert.strictEqual(reason._tag, "Rejected", edit.path)
        assert.match(message, /API key/)
      }
    }).pipe(Effect.provide(host)),
  )
})
