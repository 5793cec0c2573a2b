/**
 * The standard output and standard error of a host's process. Who reads them may stop, as a terminal does after Ctrl-S: that must neither hold up
 * the host nor fill its memory. Lines beyond a bound are left out and counted. What still waits when the host ends is waited for, but not long.
 */
import type { Writable } from "node:stream"
import { Effect, type Scope } from "effect"

/** While more than so many bytes wait to be written, lines are left out. */
export const maxWaitingBytes = 1_048_576

/** At the end of a host, for all that waits. */
const patienceMillis = 5_000

/** Writes a line by `write`, or counts it. */
export type Outlet = (line: string, write: (line: string) => void) => void

/** In front of `stream`, into which `write` writes. Once all that waited is written, `noticeOf` says how many lines are missing at this place. */
export const makeOutlet = (stream: () => Writable, noticeOf: (missing: number) => string): Outlet => {
  let missing = 0
  return (line, write) => {
    if (missing === 0 && stream().writableLength <= maxWaitingBytes) return write(line)
    missing++
    // Not as soon as there is room for one line: each would bring a notice of its own.
    if (missing > 1) return
    stream().once("drain", () => {
      const count = missing
      missing = 0
      write(noticeOf(count))
    })
  }
}

/** While the Scope is open nothing about them stops this process: neither that nobody reads, nor that somebody has gone away. */
export const surviveReaders: Effect.Effect<void, never, Scope.Scope> = Effect.suspend(() =>
  Effect.forEach([process.stdout, process.stderr], survive, { discard: true, concurrency: "unbounded" }),
)

const survive = (stream: NodeJS.WriteStream) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      stream.on("error", ignore)
      wait(stream, false)
    }),
    () =>
      Effect.map(written(stream), () => {
        // The host's last words are written: whatever the process says now may end it.
        if (stream.writableLength === 0) wait(stream, true)
        stream.off("error", ignore)
      }),
  )

const ignore = () => {}

/** Whether this process waits for each write to a terminal. Node does, and has no public way to say otherwise; pipes are never waited for, files always. */
const wait = (stream: NodeJS.WriteStream, isBlocking: boolean): void => {
  const handle: unknown = stream.isTTY ? Reflect.get(stream, "_handle") : undefined
  if (typeof handle !== "object" || handle === null || !("setBlocking" in handle)) return
  if (typeof handle.setBlocking === "function") handle.setBlocking(isBlocking)
}

const written = (stream: NodeJS.WriteStream): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (stream.writableLength === 0) return resume(Effect.void)
    const timer = setTimeout(() => resume(Effect.void), patienceMillis)
    // The callback of a write that has nothing to write: all before it is written then, or will not be.
    stream.write("", () => {
      clearTimeout(timer)
      resume(Effect.void)
    })
  })
