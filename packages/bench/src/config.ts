/**
 * One alias of 10,000 changes: from the document's bytes in hand, through the whole store (decoding, SHA-256, loading, difference, settings, prepare,
 * commit, publication, the caller's answer), against a `JSON.parse` of the same text. And the heap after a thousand changes.
 */
import { createHash } from "node:crypto"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import { EventBus } from "@signalbox/core/EventBus"
import { Reconciler } from "@signalbox/core/Reconciler"
import * as Setting from "@signalbox/core/Setting"
import { Effect, Layer, ManagedRuntime, Stream } from "effect"
import { documents, plainSchema } from "./config-document.ts"
import { interleave, report } from "./measure.ts"

class Models extends Setting.Service<Models>()("bench/Models", plainSchema.fields.models) {}
class Config extends ConfigStore.Service<Config>()("bench/Config", { schema: plainSchema }) {}

/** A store over a place that has the bytes at hand; nothing else of a place costs anything here. */
const storeOver = (texts: ReadonlyArray<string>) => {
  const bytes = texts.map((text) => Buffer.from(text))
  const state = { next: 0 }
  const hashOf = (data: Uint8Array) => createHash("sha256").update(data).digest("hex")
  const source = Layer.succeed(ConfigSource, {
    name: "bench",
    read: Effect.sync(() => {
      const data = bytes[state.next]!
      return { text: data.toString("utf8"), hash: hashOf(data) }
    }),
    seed: () => Effect.die("there is a document"),
    write: () => Effect.die("nothing is written"),
    exclusively: (effect) => effect,
    hash: (text) => Effect.sync(() => hashOf(Buffer.from(text))),
    hints: Stream.never,
    history: {
      list: Effect.succeed([]),
      read: () => Effect.undefined,
      keep: () => Effect.void,
      rewrite: () => Effect.void,
      remove: () => Effect.void,
    },
    warnings: Effect.succeed([]),
  })
  const runtime = ManagedRuntime.make(
    Config.setting(Models, (config) => config.models).pipe(
      Layer.provideMerge(Config.layer),
      Layer.provide(Reconciler.layer),
      Layer.provide(EventBus.layer),
      Layer.provide(source),
    ),
  )
  const change = Effect.flatMap(Config, (store) => {
    state.next = (state.next + 1) % bytes.length
    return store.reload()
  })
  const cycle = (rounds: number) => async (): Promise<number> => {
    const changes = await runtime.runPromise(Effect.forEach(Array(rounds).keys(), () => change))
    if (changes.some((one) => one.length !== 1)) throw new Error("a change was not one")
    return rounds
  }
  return { cycle, close: () => runtime.dispose() }
}

const heap = (): number => {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

export const run = async (): Promise<void> => {
  const plain = documents(false)
  const commented = documents(true)
  const stores = {
    full: storeOver(plain.two),
    fast: storeOver(plain.one),
    commented: storeOver(commented.two),
    commentedFast: storeOver(commented.one),
  }
  const rounds = plain.one.length
  const parse = (): number => {
    for (const text of plain.one) JSON.parse(text)
    return rounds
  }
  const best = await interleave(
    {
      parse,
      full: stores.full.cycle(rounds),
      fast: stores.fast.cycle(rounds),
      commented: stores.commented.cycle(rounds),
      commentedFast: stores.commentedFast.cycle(rounds),
    },
    5,
  )
  const before = heap()
  await stores.fast.cycle(500)()
  await stores.full.cycle(500)()
  const grown = (heap() - before) / Buffer.byteLength(plain.one[0]!)
  await Promise.all(Object.values(stores).map((store) => store.close()))
  const ratio = (name: keyof typeof best): number => best[name] / best.parse
  report("config: one alias of 10,000 changed, bytes to commit, × JSON.parse of the same text", [
    { name: "full path", ratio: ratio("full"), target: ["≤", 2.7] },
    { name: "fast path", ratio: ratio("fast"), target: ["≤", 1] },
    { name: "full path with comments", ratio: ratio("commented"), target: ["≤", 3.6] },
    { name: "fast path with comments", ratio: ratio("commentedFast") },
    { name: "growth of the heap by 1,000 changes, in documents", ratio: grown, target: ["≤", 1] },
  ])
}
