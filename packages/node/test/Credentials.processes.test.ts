/** Several processes change keys at once: each change takes effect, and an observing host learns of all of them. */
import { readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { CredentialAdded } from "@signalbox/core/CredentialEvents"
import { Credentials } from "@signalbox/core/Credentials"
import { EventBus } from "@signalbox/core/EventBus"
import * as Signalbox from "@signalbox/node/Signalbox"
import { Effect, Layer, Stream } from "effect"
import { program, rest, temporaryDirectory, told } from "./programs/Program.ts"

describe("Credentials in several processes", () => {
  it.live("keeps all keys of four concurrent writers, and publishes each in an observing process", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryDirectory, "credentials.json")
      yield* Effect.gen(function* () {
        const { authenticate } = yield* Credentials
        const events = yield* EventBus.use(({ subscribe }) => subscribe({ types: [CredentialAdded] }))
        const added = yield* Effect.forEach(
          ["a", "b", "c", "d"],
          Effect.fnUntraced(function* (prefix) {
            const started = yield* program("keys.ts", [file, prefix, "10"])
            const lines = yield* rest(started)
            assert.strictEqual(yield* started.exit, 0)
            return lines.map((line): readonly [string, string] => JSON.parse(line))
          }, Effect.scoped),
          { concurrency: "unbounded" },
        )
        const items = yield* Stream.runCollect(Stream.take(events, 40))
        const ids = added.flat().map(([id]) => id)
        assert.lengthOf(ids, 40)
        assert.sameMembers(
          items.map((item) => (item._tag === "Gap" ? "gap" : item.event.id)),
          ids,
        )
        for (const [id, secret] of added.flat()) assert.strictEqual(authenticate(secret)?.id, id)
      }).pipe(Effect.provide(layerAt(file)))
      assert.sameMembers(readdirSync(join(file, "..")), ["credentials.json", "credentials.json.lock"])
      assert.strictEqual(statSync(file).mode & 0o777, 0o600)
    }),
  )
  it.live("keeps a whole file with all acknowledged keys when a writer is killed, and accepts the next write", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryDirectory, "credentials.json")
      for (let round = 0; round < 5; round++) {
        const acknowledged = yield* Effect.gen(function* () {
          const started = yield* program("keys.ts", [file, `r${round}-`, "100000"])
          const first = yield* told<readonly [string, string]>(started)
          for (let i = 0; i < round * 3; i++) yield* told(started)
          // The end of the Scope kills the process at a random point.
          return first
        }).pipe(Effect.scoped)
        yield* Effect.gen(function* () {
          const { add, authenticate, problem } = yield* Credentials
          assert.isUndefined(yield* problem)
          assert.strictEqual(authenticate(acknowledged[1])?.id, acknowledged[0])
          yield* add({ id: `after${round}` })
        }).pipe(Effect.provide(layerAt(file)))
        assert.sameMembers(readdirSync(join(file, "..")), ["credentials.json", "credentials.json.lock"])
      }
    }),
  )
})

const layerAt = (file: string) =>
  Layer.fresh(
    Credentials.layerAt(file).pipe(Layer.provideMerge(EventBus.layer), Layer.provide(Signalbox.layerPlatform)),
  )
