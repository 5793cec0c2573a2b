/** The summed usage of a group of calls. All sums are whole numbers, so subtracting a part leaves exactly the rest. */
import { errorKind } from "../../LedgerEntry.ts"
import type { WireEntry } from "../../LedgerLine.ts"
import { DurationHistogram } from "./DurationHistogram.ts"

/** The names that calls have in common to be summed together. */
export interface Group {
  readonly provider: string
  readonly model: string
  readonly upstream: string
  readonly key: string
  readonly project: string
}

/** The most kinds of errors in one sum. Further kinds count as `other`. */
export const maxErrorKinds = 32

export class UsageSum {
  readonly group: Group
  requests = 0
  errors = 0
  bytesSent = 0
  bytesReceived = 0
  inputTokens = 0
  outputTokens = 0
  cacheReadTokens = 0
  cacheWriteTokens = 0
  reasoningTokens = 0
  /** Billionths of a US dollar. */
  costNanos = 0
  readonly latency = new DurationHistogram()
  readonly firstToken = new DurationHistogram()
  #errorKinds: Map<string, number> | undefined

  constructor(group: Group) {
    this.group = group
  }

  add(wire: WireEntry): void {
    this.requests++
    this.bytesSent += wire.sent ?? 0
    this.bytesReceived += wire.received ?? 0
    this.inputTokens += wire.input ?? 0
    this.outputTokens += wire.output ?? 0
    this.cacheReadTokens += wire.cache_read ?? 0
    this.cacheWriteTokens += wire.cache_write ?? 0
    this.reasoningTokens += wire.reasoning ?? 0
    if (wire.cost !== undefined) this.costNanos += Math.round(wire.cost * 1e9)
    if (wire.latency_ms !== undefined) this.latency.add(wire.latency_ms)
    if (wire.first_token_ms !== undefined) this.firstToken.add(wire.first_token_ms)
    const kind = errorKind(wire)
    if (kind !== undefined) this.addErrors(kind, 1)
  }

  /** Adds another sum, or subtracts it if `sign` is -1. */
  merge(other: UsageSum, sign: 1 | -1): void {
    this.requests += sign * other.requests
    this.bytesSent += sign * other.bytesSent
    this.bytesReceived += sign * other.bytesReceived
    this.inputTokens += sign * other.inputTokens
    this.outputTokens += sign * other.outputTokens
    this.cacheReadTokens += sign * other.cacheReadTokens
    this.cacheWriteTokens += sign * other.cacheWriteTokens
    this.reasoningTokens += sign * other.reasoningTokens
    this.costNanos += sign * other.costNanos
    this.latency.merge(other.latency, sign)
    this.firstToken.merge(other.firstToken, sign)
    other.#errorKinds?.forEach((count, kind) => {
      this.addErrors(kind, sign * count)
    })
  }

  addErrors(kind: string, count: number): void {
    this.errors += count
    this.#errorKinds ??= new Map()
    const kinds = this.#errorKinds
    const isNameless = !kinds.has(kind) && (count < 0 || kinds.size >= maxErrorKinds)
    const name = isNameless ? otherErrors : kind
    const sum = (kinds.get(name) ?? 0) + count
    if (sum === 0) kinds.delete(name)
    else kinds.set(name, sum)
  }

  get errorKinds(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#errorKinds ?? [])
  }
}

const otherErrors = "other"

/** Returns the group of an entry. A name that the entry leaves out is empty. */
export const groupOf = (wire: Partial<Group>): Group => ({
  provider: wire.provider ?? "",
  model: wire.model ?? "",
  upstream: wire.upstream ?? "",
  key: wire.key ?? "",
  project: wire.project ?? "",
})

/** Returns an id that only equal groups share. The lengths mark where each name ends. */
export const groupId = ({ key = "", model = "", project = "", provider = "", upstream = "" }: Partial<Group>): string =>
  `${provider.length},${model.length},${upstream.length},${key.length}:${provider}${model}${upstream}${key}${project}`
