import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as AdminClient from "@signalbox/api/AdminClient"
import { Config, Console, Effect, type Redacted, Stream } from "effect"

/** Keeps the ledger for 30 days, and returns the first event that follows. */
export const program = (url: string, token: Redacted.Redacted) =>
  Effect.gen(function* () {
    const admin = yield* AdminClient.make({ url, token })
    const { body, headers } = yield* admin.config.get()

    const payload = { edits: [{ path: "/retention/ledger_days", value: 30 }] }
    yield* admin.config.update({ headers: { "if-match": headers.etag }, payload }).pipe(
      // Another writer has changed the document in between.
      Effect.catchTag("Stale", ({ actual }) => Console.log(`the document has changed to ${actual}`)),
    )

    // The events since the state was read, and all later ones.
    const events = yield* admin.events.follow({ query: { after: body.cursor }, headers: {} })
    return yield* Stream.runHead(Stream.map(events, ({ event }) => event))
  })

if (process.argv[1] === import.meta.filename) {
  NodeRuntime.runMain(
    Effect.gen(function* () {
      const token = yield* Config.Redacted("TOKEN")
      yield* Console.log(yield* program("http://127.0.0.1:4747", token))
    }).pipe(Effect.provide(NodeHttpClient.layerFetch)),
  )
}
