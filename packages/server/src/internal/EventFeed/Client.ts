/**
 * One client's response. It holds no events: what it has not read is in the kernel's and Node's buffers, and while those are full nothing more
 * is written to it. When it reads again, it is given what the bus still keeps, or a gap. While it is live no fiber belongs to it.
 */
import type { ServerResponse } from "node:http"
import type { Cursor } from "@signalbox/core/Event"
import { Effect, type Fiber } from "effect"

export class Client {
  readonly response: ServerResponse
  /** Everything up to here was written. */
  cursor: Cursor
  /** Milliseconds since 1970 when its buffers were found full. */
  fullSince: number | undefined
  isCatchingUp = false
  /** Of its last catching up; it may be over. */
  fiber: Fiber.Fiber<unknown, unknown> | undefined
  #onDrained: (() => void) | undefined

  /** `hasRead` is called when its buffers were full and are empty again, `hasGone` once. */
  constructor(
    response: ServerResponse,
    cursor: Cursor,
    on: { readonly onDrain: (client: Client) => void; readonly onClose: (client: Client) => void },
  ) {
    this.response = response
    this.cursor = cursor
    response.on("drain", () => {
      this.fullSince = undefined
      if (this.#onDrained === undefined) on.onDrain(this)
      else this.#onDrained()
    })
    response.on("close", () => {
      this.fiber?.interruptUnsafe()
      on.onClose(this)
    })
    // Writing to a client that has just gone is an error of nobody.
    response.on("error", ignore)
  }

  /** It has not read what was written before. */
  get isFull(): boolean {
    return this.response.writableNeedDrain
  }

  get isOpen(): boolean {
    return !this.response.destroyed && !this.response.writableEnded
  }

  /** At most one chunk goes beyond Node's high-water mark (64 KiB), and chunks are shared by all clients. */
  write(chunk: Buffer | string, now: number): void {
    if (!this.response.write(chunk)) this.fullSince ??= now
  }

  /** Ends when its buffers are empty; who waits here is told instead of `hasRead`. */
  get drained(): Effect.Effect<void> {
    return Effect.callback((resume) => {
      if (!this.isFull) return resume(Effect.void)
      this.#onDrained = () => {
        this.#onDrained = undefined
        resume(Effect.void)
      }
      return Effect.sync(() => {
        this.#onDrained = undefined
      })
    })
  }

  /** Ends the response; one that would have to wait for its reader is cut. */
  end(): void {
    if (this.isFull) this.response.destroy()
    else this.response.end()
  }
}

const ignore = () => {}

/**
 * Keeps a response open that the server is about to write and end, and calls `begin` in place of that end, when its head has been written. So
 * the head is the server's, with all that middleware adds to it, and no fiber has to wait for the end of a stream that may last for months.
 * An answer of another kind that somebody has put in its place is left alone.
 */
export const keepOpen = (response: ServerResponse, begin: () => void): void => {
  const end = response.end
  response.end = (...body: ReadonlyArray<any>): ServerResponse => {
    response.end = end
    if (body[0] !== undefined || response.statusCode !== 200) return Reflect.apply(end, response, body)
    begin()
    return response
  }
}
