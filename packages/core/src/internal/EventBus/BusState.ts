/**
 * The bus without effects: the ring, who reads from it, and whom to wake. A turn begins with the first publication and ends with `wake`,
 * which its owner schedules: subscribers run there, never inside a publication.
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
  /** Of a consumer that waits. `undefined` is the end. */
  resume: ((items: Items | undefined) => void) | undefined
  ended: boolean
  /** For how many turns it has been busy with what it took last; `undefined` before it takes anything. */
  busyTurns: number | undefined
  /** The newest of them. */
  busyTurn: number
}

/** A topic and who must be woken for it. */
interface SubscribedTopic extends Topic {
  readonly subscriptions: Set<Subscription>
  /** Something was published since the last wake. */
  touched: boolean
}

export class BusState {
  readonly ring: Ring<SubscribedTopic>
  readonly #source: string
  readonly #clock: Clock.Clock
  readonly #readsClockOnce: boolean
  /** One for each type that was ever published, as many as the program declares, or is subscribed, which strangers may name. */
  readonly #topics = new Map<string, SubscribedTopic>()
  readonly #subscriptions = new Set<Subscription>()
  readonly #toAll = new Set<Subscription>()
  #touched: Array<SubscribedTopic> = []
  #revision = 0
  #named = 0
  // Of the turn: how many were before it, whether its end is scheduled, its time, how many events were published in it.
  #turn = 0
  #inTurn = false
  #time: number | undefined
  #published = 0

  constructor(options: {
    readonly epoch: string
    readonly capacity: number
    readonly source: string
    readonly clock: Clock.Clock
  }) {
    this.ring = new Ring(options.epoch, options.capacity)
    this.#source = options.source
    this.#clock = options.clock
    // The system's clock is read once a turn, since it costs as much as the whole envelope; any other may be moved within a turn.
    this.#readsClockOnce = options.clock === Context.get(Context.empty(), Clock.Clock)
  }

  get #now(): number {
    if (!this.#inTurn || !this.#readsClockOnce) return this.#clock.currentTimeMillisUnsafe()
    this.#time ??= this.#clock.currentTimeMillisUnsafe()
    return this.#time
  }

  /** Whether `wake` must be scheduled now. */
  beginTurn(): boolean {
    if (this.#inTurn) return false
    this.#inTurn = true
    return true
  }

  /** Deferred wakes would let one synchronous publisher run over everyone: after half the capacity in one turn it must end the turn. */
  get isTurnFull(): boolean {
    return this.#published >= this.ring.capacity / 2
  }

  /**
   * Whether a subscriber that is busy with what it took needs another turn before much more is published. It gets so many that handling
   * half the capacity may cost some sixty thousand operations of a fiber; one that still has not come back then is slow, and is not
   * regarded until it does.
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
      topic = { type, published: 0, pruned: 0, prunedTo: undefined, subscriptions: new Set(), touched: false }
      this.#topics.set(type, topic)
    }
    return topic
  }

  /** Ends the turn: feeds everyone who waits for a type that was published in it. */
  wake(): void {
    const now = this.#now
    this.#inTurn = false
    this.#time = undefined
    this.#published = 0
    this.#turn++
    const touched = this.#touched
    this.#touched = []
    // Collected first: those who are fed may subscribe, unsubscribe and publish.
    const waiting = waitingOf(this.#toAll)
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

  /** What a consumer that asks gets at once, if there is anything. */
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
    const topics = types === undefined ? undefined : new Set(types.map((type) => this.#topic(type)))
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
    for (const set of this.#setsOf(subscription)) set.add(subscription)
    return subscription
  }

  end(subscription: Subscription): void {
    if (!this.#subscriptions.delete(subscription)) return
    for (const set of this.#setsOf(subscription)) set.delete(subscription)
    for (const { published, subscriptions, type } of subscription.reader.topics ?? []) {
      if (published === 0 && subscriptions.size === 0) this.#topics.delete(type)
    }
    subscription.ended = true
    const { resume } = subscription
    subscription.resume = undefined
    resume?.(undefined)
  }

  /** How many types it knows. */
  get types(): number {
    return this.#topics.size
  }

  #setsOf({ reader }: Subscription): ReadonlyArray<Set<Subscription>> {
    return reader.topics === undefined ? [this.#toAll] : [...reader.topics].map((topic) => topic.subscriptions)
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

const waitingOf = (subscriptions: ReadonlySet<Subscription>): Array<Subscription> => {
  const waiting: Array<Subscription> = []
  for (const subscription of subscriptions) if (subscription.resume !== undefined) waiting.push(subscription)
  return waiting
}
