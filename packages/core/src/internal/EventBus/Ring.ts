/**
 * The newest `capacity` events in their order, and for each type how many there were: enough to tell a late reader exactly what it has
 * lost, without a buffer per reader. A position counts all events, ephemeral ones too; a cursor is what the world sees of it.
 */
import { type AnyEvent, type Cursor, type Envelope, isEphemeral } from "../../Event.ts"

/** One event type. */
export interface Topic {
  readonly type: string
  published: number
  /** How many of them are kept no more. */
  pruned: number
  /** The newest of those. */
  prunedTo: Cursor | undefined
}

/** What one call of `publishAll` gives to all its events. */
export interface Stamp {
  readonly time: number
  readonly source: string
  readonly revision: number
  readonly causationId: string | undefined
}

/** Negative where `a` comes before `b`; both of one epoch. */
export const compareCursors = (a: Cursor, b: Cursor): number => a.sequence - b.sequence || (a.n ?? 0) - (b.n ?? 0)

export class Ring<T extends Topic> {
  readonly epoch: string
  readonly capacity: number
  /** The place before the first event. */
  readonly start: Cursor
  /** Position after the newest event: how many there were. */
  head = 0
  /** Place of the newest event. */
  last: Cursor
  /** Place of the newest ephemeral event that is kept no more. */
  ephemeralPrunedTo: Cursor | undefined
  readonly #envelopes: Array<Envelope> = []
  readonly #topics: Array<T> = []
  #next = 0
  #slice: { readonly from: number; readonly to: number; readonly envelopes: ReadonlyArray<Envelope> } | undefined

  constructor(epoch: string, capacity: number) {
    this.epoch = epoch
    this.capacity = capacity
    this.start = { epoch, sequence: 0 }
    this.last = this.start
  }

  append(event: AnyEvent, topic: T, { causationId, revision, source, time }: Stamp): void {
    const { n, sequence } = this.last
    const cursor: Cursor = isEphemeral(event)
      ? { epoch: this.epoch, sequence, n: (n ?? 0) + 1 }
      : { epoch: this.epoch, sequence: sequence + 1 }
    const envelope: Envelope =
      causationId === undefined
        ? { _tag: "Envelope", cursor, time, source, revision, event }
        : { _tag: "Envelope", cursor, time, source, revision, causationId, event }
    const next = this.#next
    const pruned = this.#envelopes[next]
    if (pruned !== undefined) this.#prune(pruned.cursor, this.#topics[next]!)
    this.#envelopes[next] = envelope
    this.#topics[next] = topic
    this.#next = next + 1 === this.capacity ? 0 : next + 1
    this.head++
    topic.published++
    this.last = cursor
  }

  #prune(cursor: Cursor, topic: T): void {
    topic.pruned++
    topic.prunedTo = cursor
    if (cursor.n !== undefined) this.ephemeralPrunedTo = cursor
  }

  /** Position of the oldest kept event. */
  get tail(): number {
    return Math.max(0, this.head - this.capacity)
  }

  /** Place of the newest event that is kept no more; `start` while nothing is gone. */
  get prunedTo(): Cursor {
    if (this.tail === 0) return this.start
    const { epoch, ephemeralPrunedTo } = this
    const { n, sequence } = this.#at(this.tail).cursor
    if (n !== undefined) return n === 1 ? { epoch, sequence } : { epoch, sequence, n: n - 1 }
    return ephemeralPrunedTo?.sequence === sequence - 1 ? ephemeralPrunedTo : { epoch, sequence: sequence - 1 }
  }

  #at(position: number): Envelope {
    return this.#envelopes[position % this.capacity]!
  }

  #topicAt(position: number): T {
    return this.#topics[position % this.capacity]!
  }

  /** All events from a kept position to the head. Readers at the same position share the array. */
  slice(from: number): ReadonlyArray<Envelope> {
    if (this.#slice?.from === from && this.#slice.to === this.head) return this.#slice.envelopes
    const start = from % this.capacity
    const count = this.head - from
    const envelopes = this.#envelopes.slice(start, start + count)
    if (envelopes.length < count) envelopes.push(...this.#envelopes.slice(0, count - envelopes.length))
    this.#slice = { from, to: this.head, envelopes }
    return envelopes
  }

  /** The shared array of `slice` would otherwise keep pruned events alive. */
  forgetSlice(): void {
    this.#slice = undefined
  }

  /** The events of these topics from a kept position to the head. */
  select(from: number, topics: ReadonlySet<Topic>): Array<Envelope> {
    const envelopes: Array<Envelope> = []
    for (let position = from; position < this.head; position++) {
      if (topics.has(this.#topicAt(position))) envelopes.push(this.#at(position))
    }
    return envelopes
  }

  /** The oldest event of these topics from a kept position on. */
  first(from: number, topics: ReadonlySet<Topic> | undefined): Envelope | undefined {
    for (let position = from; position < this.head; position++) {
      if (topics === undefined || topics.has(this.#topicAt(position))) return this.#at(position)
    }
    return undefined
  }

  /** Position of the oldest kept event after the place. */
  positionAfter(place: Cursor): number {
    let low = this.tail
    let high = this.head
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (compareCursors(this.#at(middle).cursor, place) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
