/** Whether callers of the gateway must send a key. */
import * as Setting from "@signalbox/core/Setting"
import { Effect, Schema } from "effect"

/**
 * The setting behind `features.auth`: while it is `true`, the gateway refuses requests without a known key with a 401. The default is `false`.
 *
 * **Details**
 *
 * A change takes effect with the next request; one request sees one value.
 */
export class RequireKeys extends Setting.Service<RequireKeys>()(
  "@signalbox/gateway/RequireKeys",
  Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(false))),
) {}
