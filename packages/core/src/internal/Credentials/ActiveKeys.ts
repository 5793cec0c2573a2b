/** The keys that requests are checked against. Every change of them happens here, and its events are published here. */
import { Effect, Semaphore } from "effect"
import type { EventBus } from "../../EventBus.ts"
import type { Credential } from "../Credential.ts"
import { differences, type KeyTable, makeKeyTable, type StoredKeys } from "./KeyTable.ts"

export interface ActiveKeys {
  readonly authenticate: (secret: string) => Credential | undefined
  /** The oldest first. */
  readonly list: Effect.Effect<ReadonlyArray<Credential>>
  readonly keys: () => StoredKeys
  /** Increases with each change. */
  readonly version: () => number
  /** Sets the keys of the start, without events. */
  readonly initialize: (keys: StoredKeys) => void
  /** Replaces the keys and publishes the differences. With `since`, does nothing if they changed after that version: the caller has read the past. */
  readonly replace: (keys: StoredKeys, since?: number) => Effect.Effect<void>
}

export const makeActiveKeys = (bus: EventBus["Service"]): ActiveKeys => {
  // Events come in the order of the changes.
  const turn = Semaphore.makeUnsafe(1)
  let table: KeyTable = makeKeyTable(new Map())
  let version = 0
  const set = (keys: StoredKeys) => {
    table = makeKeyTable(keys)
    version++
  }
  return {
    authenticate: (secret) => table.authenticate(secret),
    list: Effect.sync(() => Array.from(table.keys.values(), ({ credential }) => credential).sort(byAge)),
    keys: () => table.keys,
    version: () => version,
    initialize: set,
    replace: (keys, since) =>
      Effect.suspend(() => {
        if (since !== undefined && since !== version) return Effect.void
        const events = differences(table.keys, keys)
        if (events.length > 0) set(keys)
        // One by one, so that ten thousand events do not overrun the subscribers.
        return Effect.forEach(events, (event) => bus.publish(event), { discard: true })
      }).pipe(turn.withPermit, Effect.uninterruptible),
  }
}

const byAge = (a: Credential, b: Credential): number =>
  a.createdAt - b.createdAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
