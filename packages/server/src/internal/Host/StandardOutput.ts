/**
 * Bounded writing to standard output and standard error. A reader may stop, as a terminal does after Ctrl-S; that must neither block the host
 * nor fill its memory. Lines beyond a bound are skipped and counted. At the end, a host waits a bounded time for unread output.
 */
import type { Writable } from "node:stream"
import { Effect, type Scope } from "effect"

/** Lines are skipped while more bytes than this wait to be written. */
export const maxWaitingBytes = 1_048_576

/** The time that a stopping host waits for unread output. */
const flushTimeoutMillis = 5_000

/** Writes a line with `write`, or counts it as skipped. */
export type BoundedWriter = (line: string, write: (line: string) => void) => void

/**
 * Bounds writes to `stream`. Once everything that waited is written, `noticeOf` makes the line that reports how many lines were skipped at this
 * position.
 */
export const makeBoundedWriter = (stream: () => Writable, noticeOf: (skipped: number) => string): BoundedWriter => {
  let skipped = 0
  return (line, write) => {
    if (skipped === 0 && stream().writableLength <= maxWaitingBytes) return write(line)
    skipped++
    // Resumes only when the stream is empty: resuming as soon as one line fits would alternate lines and notices.
    if (skipped > 1) return
    stream().once("drain", () => {
      const count = skipped
      skipped = 0
      write(noticeOf(count))
    })
  }
}

/** Keeps slow or closed readers of standard output and standard error from blocking or ending this process while the Scope is open. */
export const tolerateSlowReaders: Effect.Effect<void, never, Scope.Scope> = Effect.suspend(() =>
  Effect.forEach([process.stdout, process.stderr], tolerate, { discard: true, concurrency: "unbounded" }),
)

const tolerate = (stream: NodeJS.WriteStream) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      stream.on("error", ignore)
      setBlocking(stream, false)
    }),
    () =>
      Effect.map(flushed(stream), () => {
        // The host's last line is written. The process may exit right after its next write, so that one blocks again.
        if (stream.writableLength === 0) setBlocking(stream, true)
        stream.off("error", ignore)
      }),
  )

const ignore = () => {}

/** Node blocks on writes to a terminal and has no public switch for it. Writes to pipes never block here, writes to files always do. */
const setBlocking = (stream: NodeJS.WriteStream, isBlocking: boolean): void => {
  const handle: unknown = stream.isTTY ? Reflect.get(stream, "_handle") : undefined
  if (typeof handle !== "object" || handle === null || !("setBlocking" in handle)) return
  if (typeof handle.setBlocking === "function") handle.setBlocking(isBlocking)
}

const flushed = (stream: NodeJS.WriteStream): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (stream.writableLength === 0) return resume(Effect.void)
    const timer = setTimeout(() => resume(Effect.void), flushTimeoutMillis)
    // The callback of an empty write runs when everything before it is written or has failed.
    stream.write("", () => {
      clearTimeout(timer)
      resume(Effect.void)
    })
  })
