/**
 * A histogram of durations with bounded size, exact under addition, subtraction and compaction. Durations up to 63 ms have a step of their
 * own. Above, each doubling has 32 steps, so a quantile is off by at most 1/64 (1.6 %). Durations from 2^24 ms (4.6 hours) share one step.
 */

const exactBits = 5
const perDoubling = 1 << exactBits
const topBits = 24
export const stepCount = (topBits - exactBits + 1) * perDoubling
/** A histogram with more distinct durations is stored as an array of all steps. */
const maxPairs = 16

export class DurationHistogram {
  count = 0
  sumMillis = 0
  /** step, count, step, count … in any order. */
  #pairs: Array<number> | undefined = []
  #steps: Uint32Array | undefined

  add(millis: number): void {
    this.sumMillis += millis
    this.addStep(stepOf(millis), 1)
  }

  /** Adds another histogram, or subtracts it if `sign` is -1. */
  merge(other: DurationHistogram, sign: 1 | -1): void {
    this.sumMillis += sign * other.sumMillis
    other.forEach((step, count) => {
      this.addStep(step, sign * count)
    })
  }

  addStep(step: number, count: number): void {
    this.count += count
    if (this.#steps !== undefined) {
      this.#steps[step]! += count
      return
    }
    const pairs = this.#pairs!
    for (let i = 0; i < pairs.length; i += 2) {
      if (pairs[i] === step) {
        pairs[i + 1]! += count
        return
      }
    }
    pairs.push(step, count)
    if (pairs.length <= maxPairs * 2) return
    this.#steps = spread(pairs)
    this.#pairs = undefined
  }

  forEach(visit: (step: number, count: number) => void): void {
    const pairs = this.#pairs
    const steps = this.#steps
    if (pairs !== undefined) {
      for (let i = 0; i < pairs.length; i += 2) if (pairs[i + 1] !== 0) visit(pairs[i]!, pairs[i + 1]!)
    } else if (steps !== undefined) {
      for (let step = 0; step < stepCount; step++) if (steps[step] !== 0) visit(step, steps[step]!)
    }
  }

  /** Returns the quantile by nearest rank, or `undefined` if the histogram is empty. */
  quantile(share: number): number | undefined {
    if (this.count <= 0) return undefined
    const steps = this.#steps ?? spread(this.#pairs ?? [])
    let left = Math.max(1, Math.ceil(share * this.count))
    for (let step = 0; step < stepCount; step++) {
      left -= steps[step]!
      if (left <= 0) return midpointOf(step)
    }
    return undefined
  }
}

const spread = (pairs: ReadonlyArray<number>): Uint32Array => {
  const steps = new Uint32Array(stepCount)
  for (let i = 0; i < pairs.length; i += 2) steps[pairs[i]!] = pairs[i + 1]!
  return steps
}

/** Returns the step of a duration. */
export const stepOf = (millis: number): number => {
  const value = Math.min(Math.max(0, Math.floor(millis)), (1 << topBits) - 1)
  if (value < perDoubling) return value
  const shift = 31 - Math.clz32(value) - exactBits
  return (shift + 1) * perDoubling + ((value >> shift) & (perDoubling - 1))
}

const midpointOf = (step: number): number => {
  if (step < perDoubling * 2) return step
  const shift = Math.floor(step / perDoubling) - 1
  const low = ((step % perDoubling) | perDoubling) << shift
  return low + ((1 << shift) - 1) / 2
}
