/**
 * The newest `capacity` events in order, with counters per type. The counters give a late reader the exact number of events it has lost,
 * without a buffer per reader. A position is an internal index that counts all events; a cursor is its public form.
 */
import { type AnyEvent, type Cursor, compareCursors, type Envelope, isEphemeral } from "../../Event.ts"

/** The counters of one event type, or of all types. */
export interface Topic {
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
  /** The counters of all types. */
  readonly all: T
  /** The cursor of the newest event. */
  last: Cursor
  /** The cursor of the newest ephemeral event that is no longer kept. */
  ephemeralPrunedTo: Cursor | undefined
  readonly #envelopes: Array<Envelope> = []
  readonly #topics: Array<T> = []
  #next = 0
  #slice: { readonly from: number; readonly to: number; readonly envelopes: ReadonlyArray<Envelope> } | undefined

  constructor(epoch: string, capacity: number, all: T) {
    this.epoch = epoch
    this.capacity = capacity
    this.all = all
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
    if (pruned !== undefined) {
      prune(this.all, pruned.cursor)
      prune(this.#topics[next]!, pruned.cursor)
      if (pruned.cursor.n !== undefined) this.ephemeralPrunedTo = pruned.cursor
    }
    this.#envelopes[next] = envelope
    this.#topics[next] = topic
    this.#next = next + 1 === this.capacity ? 0 : next + 1
    this.all.published++
    topic.published++
    this.last = cursor
  }

  /** The position after the newest event. */
  get head(): number {
    return this.all.published
  }

  /** The position of the oldest kept event. */
  get tail(): number {
    return this.all.pruned
  }

  #at(position: number): Envelope {
    return this.#envelopes[position % this.capacity]!
  }

  #isOf(topics: ReadonlySet<Topic>, position: number): boolean {
    return topics.has(this.all) || topics.has(this.#topics[position % this.capacity]!)
  }

  /** Returns the events of these topics from a kept position to the head. Readers of all types at the same position share the array. */
  select(from: number, topics: ReadonlySet<Topic>): ReadonlyArray<Envelope> {
    if (topics.has(this.all)) return this.#sliceFrom(from)
    const envelopes: Array<Envelope> = []
    for (let position = from; position < this.head; position++) {
      if (this.#isOf(topics, position)) envelopes.push(this.#at(position))
    }
    return envelopes
  }

  #sliceFrom(from: number): ReadonlyArray<Envelope> {
    if (this.#slice?.from === from && this.#slice.to === this.head) return this.#slice.envelopes
    const start = from % this.capacity
    const count = this.head - from
    const envelopes = this.#envelopes.slice(start, start + count)
    if (envelopes.length < count) envelopes.push(...this.#envelopes.slice(0, count - envelopes.length))
    this.#slice = { from, to: this.head, envelopes }
    return envelopes
  }

  /** Releases the shared array of `select`, which would keep pruned events in memory. */
  forgetSlice(): void {
    this.#slice = undefined
  }

  /** Returns the oldest event of these topics from a kept position on. */
  first(from: number, topics: ReadonlySet<Topic>): Envelope | undefined {
    for (let position = from; position < this.head; position++) {
      if (this.#isOf(topics, position)) return this.#at(position)
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

const prune = (topic: Topic, cursor: Cursor): void => {
  topic.pruned++
  topic.prunedTo = cursor
}
