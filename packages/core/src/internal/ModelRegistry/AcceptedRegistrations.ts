/** The registrations that the registry has accepted: the room that they take, which of them are in force, and their order. */
import type { Registration } from "../../ModelSettings.ts"

export interface AcceptedRegistration {
  readonly registration: Registration
  readonly modelCount: number
  /** Its position among the others: that of the registration whose name it takes over, or the last. */
  position: number
  /** Set when its `Scope` closes or it is refused: the next change removes it from the table. */
  withdrawn: boolean
}

export class AcceptedRegistrations {
  /** The registrations in the table, in the order in which they came into force. Only changes of the Reconciler replace it. */
  current: ReadonlyArray<AcceptedRegistration> = []
  readonly limits: { readonly registrations: number; readonly models: number }
  /** All registrations that take room: in the table, on their way into it, or on their way out. */
  readonly #accepted = new Set<AcceptedRegistration>()
  #modelCount = 0
  #lastPosition = 0

  constructor(limits: AcceptedRegistrations["limits"]) {
    this.limits = limits
  }

  /** Reserves room for a registration, or returns the limit that it would exceed. */
  accept(registration: Registration): AcceptedRegistration | "registrations" | "models" {
    const modelCount = Object.keys(registration.models).length
    if (this.#accepted.size >= this.limits.registrations) return "registrations"
    if (this.#modelCount + modelCount > this.limits.models) return "models"
    const accepted: AcceptedRegistration = { registration, modelCount, position: 0, withdrawn: false }
    this.#accepted.add(accepted)
    this.#modelCount += modelCount
    return accepted
  }

  /** Releases the room of a registration. */
  release(accepted: AcceptedRegistration): void {
    accepted.withdrawn = true
    if (this.#accepted.delete(accepted)) this.#modelCount -= accepted.modelCount
  }

  /** The withdrawn registrations that still take room. */
  get withdrawn(): ReadonlyArray<AcceptedRegistration> {
    return [...this.#accepted].filter(({ withdrawn }) => withdrawn)
  }

  /** Returns the current registrations and this one. */
  with(accepted: AcceptedRegistration): ReadonlyArray<AcceptedRegistration> {
    const { name } = accepted.registration
    accepted.position =
      this.current.find(({ registration }) => registration.name === name)?.position ?? ++this.#lastPosition
    return [...this.current, accepted]
  }

  /** The current registrations that are not withdrawn. */
  get remaining(): ReadonlyArray<AcceptedRegistration> {
    return this.current.filter(({ withdrawn }) => !withdrawn)
  }
}

/** Returns the newest registration of each name, by position. */
export const inForce = (accepted: ReadonlyArray<AcceptedRegistration>): ReadonlyArray<Registration> =>
  [...new Map(accepted.map((one) => [one.registration.name, one])).values()]
    .sort((a, b) => a.position - b.position)
    .map(({ registration }) => registration)
