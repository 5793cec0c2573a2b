/** The secret of the admin API: requests with it may do everything. `TokenFile` stores it. */
import { createHash, timingSafeEqual } from "node:crypto"
import { Context, Layer, Redacted } from "effect"

/**
 * Compares tokens with the host's token without revealing it.
 *
 * **Example** (Checking a token)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import { AdminToken } from "@signalbox/server/AdminToken"
 * import { Effect, Redacted } from "effect"
 *
 * const program = Effect.map(AdminToken, ({ matches }) => [matches("right"), matches("wrong")])
 * const layer = AdminToken.layer(Redacted.make("right"))
 *
 * deepStrictEqual(await Effect.runPromise(Effect.provide(program, layer)), [true, false])
 * ```
 */
export class AdminToken extends Context.Service<
  AdminToken,
  {
    /** Whether `token` is the host's token. Takes the same time for every input. */
    readonly matches: (token: string) => boolean
  }
>()("@signalbox/server/AdminToken") {
  static readonly layer = (value: Redacted.Redacted): Layer.Layer<AdminToken> =>
    Layer.sync(AdminToken, () => {
      const expected = digest(Redacted.value(value))
      return AdminToken.of({ matches: (token) => timingSafeEqual(digest(token), expected) })
    })
}

const digest = (token: string): Buffer => createHash("sha256").update(token).digest()
