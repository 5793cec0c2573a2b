import { assert, it } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { AdminHost, host, token } from "./AdminHost.ts"
import { program } from "./AdminReadme.ts"

it.live("runs the program of the API's README: it changes a value and receives the event", () =>
  Effect.gen(function* () {
    const { url } = yield* AdminHost
    assert.deepStrictEqual(yield* program(url, Redacted.make(token)), Option.some("config.changed"))
  }).pipe(Effect.provide(host)),
)
