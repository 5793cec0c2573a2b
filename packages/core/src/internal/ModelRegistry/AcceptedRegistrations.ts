/** The registrations that the registry has taken in: how much room they take, which are in force, and in which order. */
import type { Registration } from "../../ModelSettings.ts"

export interface Limits {
  readonly registrations: number
  readonly models: number
}

export interface AcceptedRegistration {
  readonly registration: Registration
  readonly size: number
  /** Among the others: that of the one whose name it takes over, else behind them all. */
  place: number
  /** Its Scope has closed, or it was refused: it must not be in the table, and leaves it with the next change. */
  gone: boolean
}

export class AcceptedRegistrations {
  /** In the order in which they came into force; only changes replace it. */
  current: ReadonlyArray<AcceptedRegistration> = []
  // Those that take room: in the table, on their way into it or out of it.
  private readonly accepted = new Set<AcceptedRegistration>()
  private models = 0
  private places = 0
  readonly limits: Limits

  constructor(limits: Limits) {
    this.limits = limits
  }

  /** Takes room for it, or answers of what there is too much. */
  accept(registration: Registration): AcceptedRegistration | "registrations" | "models" {
    const entry: AcceptedRegistration = {
      registration,
      size: Object.keys(registration.models).length,
      place: 0,
      gone: false,
    }
    if (this.accepted.size >= this.limits.registrations) return "registrations"
    if (this.models + entry.size > this.limits.models) return "models"
    this.accepted.add(entry)
    this.models += entry.size
    return entry
  }

  free(entry: AcceptedRegistration): void {
    entry.gone = true
    if (this.accepted.delete(entry)) this.models -= entry.size
  }

  /** Those that take room and must go, whether they ever came into force or not. */
  get leaving(): ReadonlyArray<AcceptedRegistration> {
    return [...this.accepted].filter((entry) => entry.gone)
  }

  with(entry: AcceptedRegistration): ReadonlyArray<AcceptedRegistration> {
    const { name } = entry.registration
    entry.place = this.current.find(({ registration }) => registration.name === name)?.place ?? ++this.places
    return [...this.current, entry]
  }

  get remaining(): ReadonlyArray<AcceptedRegistration> {
    return this.current.filter((entry) => !entry.gone)
  }
}

/** The newest of each name, by place. */
export const inForce = (entries: ReadonlyArray<AcceptedRegistration>): ReadonlyArray<Registration> =>
  [...new Map(entries.map((entry) => [entry.registration.name, entry])).values()]
    .sort((a, b) => a.place - b.place)
    .map(({ registration }) => registration)
