/** The admin API of a whole host, which builds it at the first request. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Scope } from "effect"
import { AdminHost, ask } from "./AdminHost.ts"
import { embeddedHost } from "./EmbeddedHost.ts"
import { follow } from "./EventFeedClient.ts"
import { temporaryDirectory } from "./processes/HostProcess.ts"

it.live("serves the admin API with problem details, and streams events until it stops", () =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const scope = yield* Scope.fork(yield* Effect.scope)
    const host = yield* Scope.provide(embeddedHost({ config: join(directory, "config.json") }), scope)
    const headers = { authorization: `Bearer ${readFileSync(join(directory, "admin.token"), "utf8").trim()}` }
    const address = Layer.succeed(AdminHost, { port: Number(new URL(host.url).port), url: host.url })
    yield* Effect.gen(function* () {
      const missing = yield* ask("/api/confik", { headers })
      assert.deepStrictEqual([missing.status, missing.headers["cache-control"]], [404, "no-store"])
      assert.strictEqual((yield* ask("/api/config", { token: undefined })).status, 401)
      assert.strictEqual((yield* ask("/api/config", { headers: { ...headers, host: "evil.example" } })).status, 403)
      const feed = yield* follow("", { headers })
      assert.strictEqual(feed.response.statusCode, 200)
      const body = JSON.stringify({ edits: [{ path: "/retention/ledger_days", value: 7 }] })
      assert.strictEqual((yield* ask("/api/config", { method: "PATCH", headers, body })).status, 200)
      const events = yield* feed.events(2)
      assert.deepStrictEqual(
        events.map(({ event }) => event),
        ["config.changed", "retention.changed"],
      )
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      assert.include(yield* feed.ended, "event: host.stopping")
      yield* Fiber.join(closing)
    }).pipe(Effect.provide(address))
  }).pipe(Effect.scoped),
)
