import { assert, it } from "@effect/vitest"
import { MemoryDocument } from "@signalbox/core/ConfigSource"
import { Providers } from "@signalbox/core/Providers"
import { Effect } from "effect"
import { type Asked, ask, client, host, secret, token } from "./AdminHost.ts"
import { follow } from "./EventFeedClient.ts"

const json = (value: unknown): Asked => ({ body: JSON.stringify(value) })
const provider = { kind: "openai", api_key: secret }

/** All that can be asked, among it much that is refused while the secret stands in the request. */
const questions = (hash: string): ReadonlyArray<readonly [method: string, path: string, asked?: Asked]> => [
  ["PATCH", "/api/config", json({ edits: [{ path: "/providers/b", value: provider }] })],
  ["GET", "/api/config"],
  ["GET", "/api/config/value?path="],
  ["GET", "/api/config/value?path=/providers/openai/api_key"],
  ["PUT", "/api/config/value?path=/providers/c/api_key", json({ value: secret })],
  ["PUT", "/api/config/value?path=/default_model_alias", json({ value: secret })],
  ["PUT", "/api/config/value?path=/providers/openai/kind", json({ value: secret })],
  ["PUT", "/api/config/value?path=/providers/openai/api_kee", json({ value: secret })],
  ["PUT", "/api/config", json({ text: `{ "providers": { "x": { "kind": "openai", "api_key": ["${secret}"] } } }` })],
  ["PUT", "/api/config", json({ text: `{ "providers": ${secret} }` })],
  ["PUT", "/api/config", json({ text: secret })],
  ["POST", "/api/config/plan", json({ text: `{ "providers": { "x": ${JSON.stringify(provider)} } }` })],
  ["POST", "/api/config/plan", json({ edits: [{ path: "/providers/openai/api_key", value: `${secret}2` }] })],
  ["POST", "/api/config/plan", json({ edits: [{ path: "/listen/port", value: secret }] })],
  ["PATCH", "/api/config", { body: `{"edits":"${secret}` }],
  ["PATCH", "/api/config", json({ edits: secret })],
  ["DELETE", "/api/config/value?path=/providers/b"],
  ["POST", "/api/config/undo"],
  ["POST", "/api/config/reload", json({ ignoreEnvironment: true })],
  ["GET", "/api/config/history"],
  ["GET", `/api/config/history/${hash}`],
  ["GET", `/api/config/diff?from=${hash}`],
  ["GET", "/api/config/schema"],
  ["GET", "/api/services"],
  ["GET", "/api/models"],
  ["GET", "/api/stats"],
  ["GET", "/api/credentials"],
  ["GET", "/readyz"],
  ["GET", "/openapi.json"],
]

it.live("no answer and no event holds a secret or the token, however it came into the request", () =>
  Effect.gen(function* () {
    const { config } = yield* client
    const { after } = yield* Effect.map(config.get(), ({ body }) => ({ after: body.cursor }))
    const written = yield* config.update({
      headers: {},
      payload: { edits: [{ path: "/providers/openai", value: provider }] },
    })
    yield* (yield* Providers).failed("openai", `the key ${secret} is refused`)
    let statuses = new Set<number>()
    for (const [method, path, asked] of questions(written.body.hash)) {
      const answer = yield* ask(path, { ...asked, method })
      statuses = statuses.add(answer.status)
      assert.notStrictEqual(answer.status, 500, `${method} ${path}`)
      for (const hidden of [secret, token]) assert.notInclude(answer.body, hidden, `${method} ${path}`)
    }
    assert.includeMembers([...statuses], [200, 400, 422])
    yield* (yield* MemoryDocument).save(`{ "listen": { "port": "${secret}" } }`)
    const problem = yield* ask("/api/config/reload", { method: "POST" })
    assert.strictEqual(problem.status, 422)
    assert.notInclude(problem.body + (yield* ask("/api/config")).body, secret)
    const feed = yield* follow(`?after=${after}`)
    const told = yield* feed.until((text) => text.includes("config.rejected") && text.includes("provider.failed"))
    assert.notInclude(told, secret)
  }).pipe(Effect.scoped, Effect.provide(host)),
)
