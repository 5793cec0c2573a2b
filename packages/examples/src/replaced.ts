/** A service that is replaced when the setting of which it was made changes, and a request that uses it. */
import { ServiceGraph } from "@signalbox/core"
import { Context, Effect, Layer } from "effect"
import { Cleaning } from "./janitor.ts"

/** An ordinary service: it reads the setting once, while it is built. */
export class Broom extends Context.Service<Broom, { readonly sweep: Effect.Effect<string> }>()("janitor/Broom") {
  static readonly layer = Layer.effect(
    Broom,
    Effect.map(Cleaning.get, ({ keep }) => Broom.of({ sweep: Effect.succeed(`all but ${keep}`) })),
  )
}

export class Services extends ServiceGraph.Service<Services>()("janitor/Services", {
  nodes: [ServiceGraph.node(Broom, { needs: [Cleaning], layer: Broom.layer })],
}) {}

/** Holds one generation from its start to its end, whatever changes meanwhile. */
export const request = <A, E, R>(middle: Effect.Effect<A, E, R>) =>
  Services.provide(
    Effect.gen(function* () {
      const broom = yield* Broom
      yield* middle
      return yield* broom.sweep
    }),
  )
