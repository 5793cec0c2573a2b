/**
 * One subscriber's position in the ring. It counts the events of its own types before that position, so it knows how many events it has
 * lost when the ring overtakes it, and ignores events of other types.
 */
import { type Cursor, compareCursors, type Envelope } from "../../Event.ts"
import { Gap } from "./Gap.ts"
import type { Ring, Topic } from "./Ring.ts"

export class RingReader<T extends Topic> {
  readonly #ring: Ring<T>
  readonly topics: ReadonlySet<T>
  /** The next position to read. */
  #position: number
  /** The number of events of its types that were ever published before that position. */
  #passed: number
  /** The cursor before that position. */
  #last: Cursor
  /** The time of the last take, in milliseconds since 1970. */
  #takenAt: number
  #gap: Gap | undefined

  /** Starts at the head: it reads events that are published later. */
  constructor(ring: Ring<T>, topics: ReadonlySet<T>, now: number) {
    this.#ring = ring
    this.topics = topics
    this.#position = ring.head
    this.#passed = this.#published
    this.#last = ring.last
    this.#takenAt = now
  }

  get #published(): number {
    return sum(this.topics, published)
  }

  get #pruned(): number {
    return sum(this.topics, pruned)
  }

  /** The cursor of the newest event of its types that is no longer kept. */
  get #prunedTo(): Cursor {
    return newest(this.topics, this.#ring.start)
  }

  /** Moves back to the position after the cursor, or to the oldest kept event with a Gap before it. */
  join(after: Cursor): void {
    const ring = this.#ring
    const prunedTo = ring.all.prunedTo ?? ring.start
    if (after.epoch !== ring.epoch || compareCursors(after, ring.last) > 0) {
      this.#gap = new Gap({ from: after, to: prunedTo, reason: "other-epoch" }, unchecked)
      this.#goTo(ring.tail, prunedTo)
    } else if (compareCursors(after, prunedTo) < 0) {
      const to = this.#prunedTo
      if (compareCursors(after, to) < 0) this.#gap = this.#prunedGap(after, to)
      this.#goTo(ring.tail, prunedTo)
    } else {
      this.#goTo(ring.positionAfter(after), after)
    }
  }

  #goTo(position: number, last: Cursor): void {
    const ring = this.#ring
    this.#position = position
    this.#last = last
    this.#passed = this.#published - ring.select(position, this.topics).length
  }

  #prunedGap(after: Cursor, to: Cursor): Gap {
    const from = this.#next(after)
    // If no event was ephemeral and all types are selected, the sequence numbers give the count.
    return this.topics.has(this.#ring.all) && from.n === undefined && to.n === undefined
      ? new Gap({ from, to, reason: "pruned", missing: to.sequence - from.sequence + 1 }, unchecked)
      : new Gap({ from, to, reason: "pruned" }, unchecked)
  }

  /** Returns the first cursor after `after` that a pruned event may have had. It has an `n` only if ephemeral events were pruned. */
  #next(after: Cursor): Cursor {
    const ephemeral = this.#ring.ephemeralPrunedTo
    return ephemeral !== undefined && compareCursors(after, ephemeral) < 0
      ? { epoch: after.epoch, sequence: after.sequence, n: (after.n ?? 0) + 1 }
      : { epoch: after.epoch, sequence: after.sequence + 1 }
  }

  /** Takes all events up to now, with a Gap first if events were lost. Returns an empty array if there are none. */
  take(now: number): ReadonlyArray<Envelope | Gap> {
    const gaps = this.#takeGaps()
    const ring = this.#ring
    this.#takenAt = now
    this.#last = ring.last
    if (this.#passed === this.#published) {
      this.#position = ring.head
      return gaps
    }
    const envelopes = ring.select(this.#position, this.topics)
    this.#position = ring.head
    this.#passed += envelopes.length
    return gaps.length === 0 ? envelopes : [...gaps, ...envelopes]
  }

  #takeGaps(): ReadonlyArray<Gap> {
    const ring = this.#ring
    const gaps = this.#gap === undefined ? none : [this.#gap]
    this.#gap = undefined
    if (this.#position >= ring.tail) return gaps
    this.#position = ring.tail
    const missing = this.#pruned - this.#passed
    if (missing === 0) return gaps
    this.#passed += missing
    return [...gaps, new Gap({ from: this.#next(this.#last), to: this.#prunedTo, reason: "slow", missing }, unchecked)]
  }

  get isBehind(): boolean {
    return this.#gap !== undefined || this.#passed < this.#published
  }

  /** The number of events of all types that were published since the last take. */
  get backlog(): number {
    return this.#ring.head - this.#position
  }

  get lagEvents(): number {
    return this.#published - this.#passed
  }

  lagMillis(now: number): number {
    if (this.lagEvents === 0) return 0
    const lost = this.#pruned > this.#passed
    const oldest = lost ? undefined : this.#ring.first(Math.max(this.#position, this.#ring.tail), this.topics)
    return Math.max(0, now - (oldest?.time ?? this.#takenAt))
  }
}

const none: ReadonlyArray<Gap> = []
// A cursor from outside must not make a wake throw, because that wake also resumes other subscribers.
const unchecked = { disableChecks: true }
const published = (topic: Topic): number => topic.published
const pruned = (topic: Topic): number => topic.pruned

const sum = (topics: ReadonlySet<Topic>, count: (topic: Topic) => number): number => {
  let total = 0
  for (const topic of topics) total += count(topic)
  return total
}

const newest = (topics: ReadonlySet<Topic>, start: Cursor): Cursor => {
  let result = start
  for (const { prunedTo } of topics) {
    if (prunedTo !== undefined && compareCursors(prunedTo, result) > 0) result = prunedTo
  }
  return result
}
