/**
 * The rule that callers on other machines must send a key. The document's schema checks the address in the document, but the socket keeps the address
 * that it was bound to at start. This node refuses a change that would turn off keys while other machines can reach the socket.
 */
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import { RequireKeys } from "@signalbox/gateway/RequireKeys"
import { Context, Effect, Layer, Schema } from "effect"
import { Listen } from "../../HostConfig.ts"
import { Listening } from "../../Listening.ts"
import { isLoopback } from "../Loopback.ts"

/** Other machines can reach the host, and the change would turn off keys. */
export class Exposed extends Schema.TaggedError<Exposed>()("Exposed", { host: Schema.String }) {
  override get message(): string {
    return `this host listens on ${this.host}, where other machines can reach it: keep features.auth true, or restart the host with listen.host 127.0.0.1`
  }
}

export class Exposure extends Context.Service<Exposure, { readonly requiresKeys: boolean }>()(
  "@signalbox/server/Exposure",
) {
  /** Fails to build if the rule is violated; it has no other purpose. */
  static readonly node = ServiceGraph.node(Exposure, {
    needs: [RequireKeys, Listen],
    layer: Layer.effect(
      Exposure,
      Effect.gen(function* () {
        const auth = yield* RequireKeys.get
        const { host } = yield* Listen.get
        const bound = yield* Listening
        const exposed = [bound.host, host].find((address) => !isLoopback(address))
        if (!auth && exposed !== undefined) return yield* new Exposed({ host: exposed })
        return Exposure.of({ requiresKeys: auth })
      }),
    ),
  })
}
