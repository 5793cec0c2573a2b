/** The table that requests are judged by, and the one place where it changes and that is said. */
import { Effect, Semaphore } from "effect"
import type { EventBus } from "../../EventBus.ts"
import type { Credential } from "../Credential.ts"
import { differences, type Kepts, type Table, tableOf } from "./Table.ts"

export interface InForce {
  readonly authenticate: (secret: string) => Credential | undefined
  /** The oldest first. */
  readonly list: Effect.Effect<ReadonlyArray<Credential>>
  readonly kepts: () => Kepts
  /** Another number after each adoption. */
  readonly version: () => number
  /** What is there at boot is no news. */
  readonly begin: (kepts: Kepts) => void
  /** With `since`: only if nothing has been adopted after that version; who read before an adoption has read the past. */
  readonly adopt: (kepts: Kepts, since?: number) => Effect.Effect<void>
}

export const makeInForce = (bus: EventBus["Service"]): InForce => {
  // Events come in the order of the changes.
  const turn = Semaphore.makeUnsafe(1)
  let table: Table = tableOf(new Map())
  let version = 0
  const set = (kepts: Kepts) => {
    table = tableOf(kepts)
    version++
  }
  return {
    authenticate: (secret) => table.authenticate(secret),
    list: Effect.sync(() => Array.from(table.kepts.values(), ({ credential }) => credential).sort(byAge)),
    kepts: () => table.kepts,
    version: () => version,
    begin: set,
    adopt: (kepts, since) =>
      Effect.suspend(() => {
        if (since !== undefined && since !== version) return Effect.void
        const events = differences(table.kepts, kepts)
        if (events.length > 0) set(kepts)
        // One by one, so that ten thousand of them do not run over those who listen.
        return Effect.forEach(events, (event) => bus.publish(event), { discard: true })
      }).pipe(turn.withPermit, Effect.uninterruptible),
  }
}

const byAge = (a: Credential, b: Credential): number =>
  a.createdAt - b.createdAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
