/** The numbers of a status for the window that ends now, however old the file is. */
import { type Bucket, otherModels, type Status, type StatusModel } from "../StatusDocument.ts"

export interface Usage {
  readonly requests: number
  readonly bytesSent: number
  readonly bytesReceived: number
  /** Requests in the window divided by its minutes. */
  readonly requestsPerMinute: number
}

export interface ModelUsage extends Usage {
  readonly provider: string
  readonly model: string
}

export interface StatusUsage {
  readonly windowMinutes: number
  readonly totals: Usage
  /** Models with calls in the window, most calls first, `otherModels` last. */
  readonly models: ReadonlyArray<ModelUsage>
  /** The model of the latest call. */
  readonly latest: ModelUsage | undefined
}

/** `now` is in milliseconds since 1970. As in the ledger, the window starts with the bucket that contains its first moment. */
export const usageAt = (status: Status, now: number): StatusUsage => {
  const { bucketMillis, windowMinutes } = status
  const first = Math.floor((now - windowMinutes * 60_000) / bucketMillis)
  const last = Math.floor(now / bucketMillis)
  const usageOf = (buckets: ReadonlyArray<Bucket>): Usage => {
    const requests = sum(buckets, 1)
    return {
      requests,
      bytesSent: sum(buckets, 2),
      bytesReceived: sum(buckets, 3),
      requestsPerMinute: requests / windowMinutes,
    }
  }
  const inside = status.models
    .map((model) => ({ ...model, buckets: model.buckets.filter(([number]) => number >= first && number <= last) }))
    .filter(({ buckets }) => buckets.length > 0)
  const named = (model: StatusModel): ModelUsage => ({
    provider: model.provider,
    model: model.model,
    ...usageOf(model.buckets),
  })
  const latest = inside.filter(isNamed).toSorted(byLatest)[0]
  return {
    windowMinutes,
    totals: usageOf(inside.flatMap(({ buckets }) => buckets)),
    models: inside.map(named).toSorted((a, b) => Number(isNamed(b)) - Number(isNamed(a)) || b.requests - a.requests),
    latest: latest && named(latest),
  }
}

const isNamed = ({ model }: { readonly model: string }): boolean => model !== otherModels

/** By the newest bucket, then by the calls in it. */
const byLatest = (a: StatusModel, b: StatusModel): number => {
  const [ours, theirs] = [newest(a), newest(b)]
  return theirs[0] - ours[0] || theirs[1] - ours[1]
}

const newest = ({ buckets }: StatusModel): Bucket =>
  buckets.reduce((newest, bucket) => (bucket[0] > newest[0] ? bucket : newest), [-1, 0, 0, 0] as const)

const sum = (buckets: ReadonlyArray<Bucket>, of: 1 | 2 | 3): number =>
  buckets.reduce((total, bucket) => total + bucket[of], 0)
