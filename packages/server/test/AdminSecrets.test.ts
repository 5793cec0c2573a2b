import { assert, it } from "@effect/vitest"
import { MemoryDocument } from "@signalbox/core/MemoryConfigSource"
import { Providers } from "@signalbox/core/Providers"
import { Effect } from "effect"
import { adminEndpoints } from "./AdminEndpoints.ts"
import { ask, client, host, secret, token } from "./AdminHost.ts"
import { samples } from "./AdminSamples.ts"
import { follow } from "./EventFeedClient.ts"

it("has sample requests for every endpoint of the admin API, and for no other", () => {
  assert.sameMembers(
    Object.keys(samples("")),
    adminEndpoints.map(({ id }) => id),
  )
})

it.live("reveals no secret and no token in any response or event, wherever the request contains the secret", () =>
  Effect.gen(function* () {
    const { config } = yield* client
    const after = (yield* config.get()).body.cursor
    const { body: written } = yield* config.update({
      headers: {},
      payload: { edits: [{ path: "/providers/openai", value: { kind: "openai", api_key: secret } }] },
    })
    yield* (yield* Providers).failed("openai", `the key ${secret} is refused`)

    const statuses = new Set<number>()
    const bySample = samples(written.hash)
    // Writes first, so that reads show what the writes have left.
    const inOrder = [...adminEndpoints].sort((a, b) => Number(a.method === "GET") - Number(b.method === "GET"))
    for (const { id, method, path } of inOrder) {
      for (const sample of bySample[id] ?? assert.fail(`add sample requests for ${id} to AdminSamples.ts`)) {
        const response = yield* ask(sample.path ?? path, { ...sample, method })
        statuses.add(response.status)
        assert.notStrictEqual(response.status, 500, id)
        for (const hidden of [secret, token]) assert.notInclude(response.body, hidden, id)
      }
    }
    assert.includeMembers([...statuses], [200, 400, 422])
    assert.notInclude((yield* ask("/openapi.json")).body, secret)

    yield* (yield* MemoryDocument).save(`{ "listen": { "port": "${secret}" } }`)
    const problem = yield* ask("/api/config/reload", { method: "POST" })
    assert.strictEqual(problem.status, 422)
    assert.notInclude(problem.body + (yield* ask("/api/config")).body, secret)
    const feed = yield* follow(`?after=${after}`)
    const events = yield* feed.until((text) => text.includes("config.rejected") && text.includes("provider.failed"))
    assert.notInclude(events, secret)
  }).pipe(Effect.scoped, Effect.provide(host)),
)
