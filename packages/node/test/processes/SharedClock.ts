/** A clock that many processes read from one file, so that a test can advance all of them at once. It does not support sleeping. */
import { openSync, readSync, writeSync } from "node:fs"
import { Clock, Effect, Layer } from "effect"

/** Writes all digits at once: a reader sees the old time or the new one. */
const width = 16

export const setClock = (path: string): ((millis: number) => void) => {
  const fd = openSync(path, "w+")
  return (millis) => void writeSync(fd, String(millis).padStart(width), 0)
}

export const clockFrom = (path: string): Layer.Layer<never> => {
  const fd = openSync(path, "r")
  const buffer = Buffer.alloc(width)
  const now = (): number => {
    readSync(fd, buffer, 0, width, 0)
    return Number(buffer.toString("latin1"))
  }
  const nanos = () => BigInt(now()) * 1_000_000n
  return Layer.succeed(Clock.Clock)({
    currentTimeMillisUnsafe: now,
    currentTimeMillis: Effect.sync(now),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: nanos,
    monotonicTimeNanos: Effect.sync(nanos),
    sleep: () => Effect.never,
  })
}
