/** The secret of the admin API: requests with it may do everything. `TokenFile` stores it. */
import { createHash, timingSafeEqual } from "node:crypto"
import { Context, Layer, Redacted } from "effect"

/** Compares tokens with the host's token without revealing it. */
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
