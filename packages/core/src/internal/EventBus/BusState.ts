/**
 * The state of the bus without effects: the ring, the subscriptions, and the subscribers to wake. A turn begins with the first publication
 * and ends with `wake`, which the owner schedules. Subscribers run in `wake`, never inside a publication.
 */
import { Array as Arr, Clock, Context } from "effect"
import type { AnyEvent, Cursor, Envelope } from "../../Event.ts"
import type { Gap } from "./Gap.ts"
import { Ring, type Stamp, type Topic } from "./Ring.ts"
import { RingReader } from "./RingReader.ts"

export type Items = Arr.NonEmptyReadonlyArray<Envelope | Gap>

export interface Subscription {
  readonly name: string
  readonly types: ReadonlyArray<string> | undefined
  readonly reader: RingReader<SubscribedTopic>
  /** Resumes a waiting consumer; `undefined` ends its stream. */
  resume: ((items: Items | undefined) => void) | undefined
  ended: boolean
  /** The number of turns for which it has been busy with the events it took last; `undefined` before it takes any. */
  busyTurns: number | undefined
  /** The last turn that `busyTurns` counts. */
  busyTurn: number
}

/** A topic with its subscriptions. */
interface SubscribedTopic extends Topic {
  /** `undefined`: all types. */
  readonly type: string | undefined
  readonly subscriptions: Set<Subscription>
  /** Whether an event of this type was published since the last wake. */
  touched: boolean
}

export class BusState {
  readonly ring: Ring<SubscribedTopic>
  readonly #source: string
  readonly #clock: Clock.Clock
  readonly #readsClockOnce: boolean
  /** By type: each that was ever published, and each that has a subscription. */
  readonly #topics = new Map<string | undefined, SubscribedTopic>()
  readonly #subscriptions = new Set<Subscription>()
  #touched: Array<SubscribedTopic> = []
  #revision = 0
  #named = 0
  /** The number of turns that have ended. */
  #turn = 0
  /** Whether the end of the current turn is scheduled. */
  #inTurn = false
  /** The time of the current turn. */
  #time: number | undefined
  /** The number of events published in the current turn. */
  #published = 0

  constructor(options: {
    readonly epoch: string
    readonly capacity: number
    readonly source: string
    readonly clock: Clock.Clock
  }) {
    this.ring = new Ring(options.epoch, options.capacity, makeTopic(undefined))
    this.#source = options.source
    this.#clock = options.clock
    // Reading the system clock costs as much as the whole envelope, so it is read once per turn. A test clock may move within a turn.
    this.#readsClockOnce = options.clock === Context.get(Context.empty(), Clock.Clock)
  }

  get #now(): number {
    if (!this.#inTurn || !this.#readsClockOnce) return this.#clock.currentTimeMillisUnsafe()
    this.#time ??= this.#clock.currentTimeMillisUnsafe()
    return this.#time
  }

  /** Returns whether the caller must schedule `wake`. */
  beginTurn(): boolean {
    if (this.#inTurn) return false
    this.#inTurn = true
    return true
  }

  /** Wakes are deferred, so a synchronous publisher could overrun all subscribers: after half the capacity it must end the turn. */
  get isTurnFull(): boolean {
    return this.#published >= this.ring.capacity / 2
  }

  /**
   * Returns whether a busy subscriber needs another turn before more is published. A subscriber gets up to 32 turns, enough for about
   * 60,000 fiber operations. After that it counts as slow, and publishers ignore it until it takes events again.
   */
  needsAnotherTurn(): boolean {
    let needed = false
    for (const subscription of this.#subscriptions) {
      const { busyTurn, busyTurns, reader, resume } = subscription
      if (resume !== undefined || busyTurns === undefined || busyTurns >= maxBusyTurns) continue
      if (!reader.isBehind || reader.backlog <= this.ring.capacity / 4) continue
      needed = true
      if (busyTurn === this.#turn) continue
      subscription.busyTurn = this.#turn
      subscription.busyTurns = busyTurns + 1
    }
    return needed
  }

  publish(event: AnyEvent, revision: number | undefined, causationId: string | undefined): void {
    this.#append(event, this.#stamp(revision, causationId))
  }

  publishAll(events: ReadonlyArray<AnyEvent>, revision: number | undefined, causationId: string | undefined): void {
    const stamp = this.#stamp(revision, causationId)
    for (const event of events) this.#append(event, stamp)
  }

  #stamp(revision: number | undefined, causationId: string | undefined): Stamp {
    if (revision !== undefined) this.#revision = revision
    return { time: this.#now, source: this.#source, revision: this.#revision, causationId }
  }

  #append(event: AnyEvent, stamp: Stamp): void {
    const topic = this.#topic(event._tag)
    this.ring.append(event, topic, stamp)
    this.#published++
    if (topic.touched) return
    topic.touched = true
    this.#touched.push(topic)
  }

  #topic(type: string): SubscribedTopic {
    let topic = this.#topics.get(type)
    if (topic === undefined) {
      topic = makeTopic(type)
      this.#topics.set(type, topic)
    }
    return topic
  }

  /** Ends the turn: resumes every consumer that waits for a type that was published in it. */
  wake(): void {
    const now = this.#now
    this.#inTurn = false
    this.#time = undefined
    this.#published = 0
    this.#turn++
    const touched = this.#touched
    this.#touched = []
    // Collect them first: a resumed consumer may subscribe, unsubscribe and publish.
    const waiting = waitingOf(this.ring.all.subscriptions)
    for (const topic of touched) {
      topic.touched = false
      for (const subscription of waitingOf(topic.subscriptions)) waiting.push(subscription)
    }
    for (const subscription of waiting) {
      const { reader, resume } = subscription
      if (resume === undefined) continue
      const items = reader.take(now)
      if (!Arr.isReadonlyArrayNonEmpty(items)) continue
      subscription.busyTurns = 0
      subscription.resume = undefined
      resume(items)
    }
    this.ring.forgetSlice()
  }

  /** Takes the events that a subscription is behind, if there are any. */
  take(subscription: Subscription): Items | undefined {
    const { reader } = subscription
    if (!reader.isBehind) return undefined
    subscription.busyTurns = 0
    const items = reader.take(this.#now)
    return Arr.isReadonlyArrayNonEmpty(items) ? items : undefined
  }

  subscribe(
    types: ReadonlyArray<string> | undefined,
    after: Cursor | undefined,
    name: string | undefined,
  ): Subscription {
    const topics = new Set(types === undefined ? [this.ring.all] : types.map((type) => this.#topic(type)))
    const reader = new RingReader(this.ring, topics, this.#now)
    if (after !== undefined) reader.join(after)
    const subscription: Subscription = {
      name: name ?? `subscriber ${++this.#named}`,
      types,
      reader,
      resume: undefined,
      ended: false,
      busyTurns: undefined,
      busyTurn: 0,
    }
    this.#subscriptions.add(subscription)
    for (const topic of topics) topic.subscriptions.add(subscription)
    return subscription
  }

  end(subscription: Subscription): void {
    if (!this.#subscriptions.delete(subscription)) return
    for (const { published, subscriptions, type } of subscription.reader.topics) {
      subscriptions.delete(subscription)
      if (published === 0 && subscriptions.size === 0) this.#topics.delete(type)
    }
    subscription.ended = true
    const { resume } = subscription
    subscription.resume = undefined
    resume?.(undefined)
  }

  /** The number of known types. */
  get types(): number {
    return this.#topics.size
  }

  endAll(): void {
    for (const subscription of [...this.#subscriptions]) this.end(subscription)
  }

  get subscribers() {
    const now = this.#clock.currentTimeMillisUnsafe()
    return [...this.#subscriptions].map(({ name, reader, types }) => ({
      name,
      types,
      lagEvents: reader.lagEvents,
      lagMillis: reader.lagMillis(now),
    }))
  }
}

const maxBusyTurns = 32

const makeTopic = (type: string | undefined): SubscribedTopic => ({
  type,
  published: 0,
  pruned: 0,
  prunedTo: undefined,
  subscriptions: new Set(),
  touched: false,
})

const waitingOf = (subscriptions: ReadonlySet<Subscription>): Array<Subscription> => {
  const waiting: Array<Subscription> = []
  for (const subscription of subscriptions) if (subscription.resume !== undefined) waiting.push(subscription)
  return waiting
}
