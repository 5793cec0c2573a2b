/**
 * The newest `capacity` events in order, with counters per type. The counters give a late reader the exact number of events it has lost,
 * without a buffer per reader. A position is an internal index that counts all events; a cursor is its public form.
 */
import { type AnyEvent, type Cursor, compareCursors, type Envelope, isEphemeral } from "../../Event.ts"

/** One event type and its counters. */
export interface Topic {
  readonly type: string
  published: number
  /** The number of events that are no longer kept. */
  pruned: number
  /** The cursor of the newest event that is no longer kept. */
  prunedTo: Cursor | undefined
}

/** The envelope fields that all events of one publication share. */
export interface Stamp {
  readonly time: number
  readonly source: string
  readonly revision: number
  readonly causationId: string | undefined
}

export class Ring<T extends Topic> {
  readonly epoch: string
  readonly capacity: number
  /** The cursor before the first event. */
  readonly start: Cursor
  /** The position after the newest event, which is the number of events ever published. */
  head = 0
  /** The cursor of the newest event. */
  last: Cursor
  /** The cursor of the newest ephemeral event that is no longer kept. */
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

  /** The position of the oldest kept event. */
  get tail(): number {
    return Math.max(0, this.head - this.capacity)
  }

  /** The cursor of the newest event that is no longer kept, or `start`. */
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

  /** Returns all events from a kept position to the head. Readers at the same position share the array. */
  slice(from: number): ReadonlyArray<Envelope> {
    if (this.#slice?.from === from && this.#slice.to === this.head) return this.#slice.envelopes
    const start = from % this.capacity
    const count = this.head - from
    const envelopes = this.#envelopes.slice(start, start + count)
    if (envelopes.length < count) envelopes.push(...this.#envelopes.slice(0, count - envelopes.length))
    this.#slice = { from, to: this.head, envelopes }
    return envelopes
  }

  /** Releases the shared array of `slice`, which would keep pruned events in memory. */
  forgetSlice(): void {
    this.#slice = undefined
  }

  /** Returns the events of these topics from a kept position to the head. */
  select(from: number, topics: ReadonlySet<Topic>): Array<Envelope> {
    const envelopes: Array<Envelope> = []
    for (let position = from; position < this.head; position++) {
      if (topics.has(this.#topicAt(position))) envelopes.push(this.#at(position))
    }
    return envelopes
  }

  /** Returns the oldest event of these topics from a kept position on. */
  first(from: number, topics: ReadonlySet<Topic> | undefined): Envelope | undefined {
    for (let position = from; position < this.head; position++) {
      if (topics === undefined || topics.has(this.#topicAt(position))) return this.#at(position)
    }
    return undefined
  }

  /** Returns the position of the oldest kept event after the cursor. */
  positionAfter(cursor: Cursor): number {
    let low = this.tail
    let high = this.head
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (compareCursors(this.#at(middle).cursor, cursor) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
