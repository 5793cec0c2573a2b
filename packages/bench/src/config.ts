/**
 * One alias of 10,000 changes, with the schema of `signalbox serve`: from the document's bytes in hand through the whole store (decoding,
 * SHA-256, loading, difference, settings, prepare, commit, publication, the caller's result), in units of a `JSON.parse` of the same text.
 * And the heap after a thousand changes.
 */
import { createHash } from "node:crypto"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import { EventBus } from "@signalbox/core/EventBus"
import { Reconciler } from "@signalbox/core/Reconciler"
import { HostConfig, settings } from "@signalbox/server/HostConfig"
import { Effect, Layer, ManagedRuntime, Stream } from "effect"
import { documents } from "./config-document.ts"
import { interleave, report } from "./measure.ts"

/** A store over a source that has the bytes at hand, so that the source itself costs nothing. */
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
    settings.pipe(
      Layer.provideMerge(HostConfig.layer),
      Layer.provide(Reconciler.layer),
      Layer.provide(EventBus.layer),
      Layer.provide(source),
    ),
  )
  const change = Effect.flatMap(HostConfig, (store) => {
    state.next = (state.next + 1) % bytes.length
    // A reload also reads the environment again, which a save does not.
    return store.reload({ ignoreEnvironment: true })
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
  const stores = { plain: storeOver(plain), commented: storeOver(commented) }
  const rounds = plain.length
  const parse = (): number => {
    for (const text of plain) JSON.parse(text)
    return rounds
  }
  const best = await interleave(
    {
      parse,
      plain: stores.plain.cycle(rounds),
      commented: stores.commented.cycle(rounds),
    },
    5,
  )
  const before = heap()
  await stores.plain.cycle(500)()
  await stores.commented.cycle(500)()
  const grown = (heap() - before) / Buffer.byteLength(plain[0]!)
  await Promise.all(Object.values(stores).map((store) => store.close()))
  const ratio = (name: keyof typeof best): number => best[name] / best.parse
  report("config: one alias of 10,000 changed, bytes to commit, × JSON.parse of the same text", [
    { name: "one reload", ratio: ratio("plain"), target: ["≤", 5] },
    { name: "one reload, with comments", ratio: ratio("commented") },
    { name: "growth of the heap by 1,000 changes, in documents", ratio: grown, target: ["≤", 1] },
  ])
}
