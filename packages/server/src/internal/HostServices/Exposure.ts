/**
 * The rule that callers from other machines show a key. The document is checked for the address that it names; but the socket was bound at
 * start, and stays where it is when the document names another. A change that turns the keys off while it can be reached is refused.
 */
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import { RequireKeys } from "@signalbox/gateway/RequireKeys"
import { Context, Effect, Layer, Schema } from "effect"
import { Listen } from "../../HostConfig.ts"
import { Listening } from "../../Listening.ts"
import { isLoopback } from "../Loopback.ts"

/** The host listens where other machines reach it, and would no longer ask for keys. */
export class Exposed extends Schema.TaggedError<Exposed>()("Exposed", { host: Schema.String }) {
  override get message(): string {
    return `this host listens on ${this.host}, where other machines reach it: features.auth stays true until it is restarted with listen.host 127.0.0.1`
  }
}

export class Exposure extends Context.Service<Exposure, { readonly asksForKeys: boolean }>()(
  "@signalbox/server/Exposure",
) {
  /** Refuses to be built where the rule is broken; that is its only task. */
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
        return Exposure.of({ asksForKeys: auth })
      }),
    ),
  })
}
