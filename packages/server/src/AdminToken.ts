/** The one secret of the admin API: who sends it may do everything. Where it is kept is the matter of `TokenFile`. */
import { createHash, timingSafeEqual } from "node:crypto"
import { Context, Layer, Redacted } from "effect"

/** Knows the token, and gives it to nobody. */
export class AdminToken extends Context.Service<
  AdminToken,
  {
    /** Takes as long for a wrong token as for the right one, whatever their lengths. */
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
