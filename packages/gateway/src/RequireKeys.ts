/** Whether callers of the gateway must show a key. The host binds it to its document; it is live, and a request sees one value of it. */
import * as Setting from "@signalbox/core/Setting"
import { Effect, Schema } from "effect"

/** `true`: a request without a key that is known is answered 401. Default `false`. */
export class RequireKeys extends Setting.Service<RequireKeys>()(
  "@signalbox/gateway/RequireKeys",
  Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(false))),
) {}
