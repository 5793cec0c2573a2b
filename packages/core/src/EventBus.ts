/** One order of typed events. A slow subscriber holds up nobody; what it lost stands in its stream as a `Gap`. */
import type { Effect, Scope, Stream } from "effect"
import { Context } from "effect"
import type { AnyEvent, Cursor, Envelope } from "./Event.ts"

/** Events `from` … `to` (both inclusive) are not in this stream. */
export interface Gap {
  readonly _tag: "Gap"
  readonly from: Cursor
  readonly to: Cursor
  readonly reason: "slow" | "pruned" | "other-epoch"
}

export class EventBus extends Context.Service<
  EventBus,
  {
    /** Never waits for a subscriber. */
    readonly publish: (event: AnyEvent, options?: { readonly revision?: number }) => Effect.Effect<void>
    /** One commit's events: they stay together and in this order. `revision` holds from here on. */
    readonly publishAll: (
      events: ReadonlyArray<AnyEvent>,
      options?: { readonly revision?: number },
    ) => Effect.Effect<void>
    /** Complete when the effect returns: nothing published later is missed. */
    readonly subscribe: (options?: {
      readonly types?: ReadonlyArray<string>
      readonly after?: Cursor
      readonly from?: "here" | "all"
    }) => Effect.Effect<Stream.Stream<Envelope | Gap>, never, Scope.Scope>
  }
>()("@signalbox/core/EventBus") {}
