/**
 * The response of one client. It holds no events: unread bytes are in the buffers of the kernel and of Node, and while those are full nothing more is
 * written. A client that reads again gets the history that the bus still has, or a gap. A live client has no fiber.
 */
import type { ServerResponse } from "node:http"
import type { Cursor } from "@signalbox/core/Event"
import { Effect, type Fiber } from "effect"

export class Client {
  readonly response: ServerResponse
  /** Everything up to here has been written. */
  cursor: Cursor
  /** When its buffers became full, in milliseconds since 1970. */
  fullSince: number | undefined
  isCatchingUp = false
  /** The fiber of its last `catchUp`, which may have ended. */
  fiber: Fiber.Fiber<unknown, unknown> | undefined
  #onDrained: (() => void) | undefined

  /** `onDrain` is called when full buffers are empty again, `onClose` once. */
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
    // A write to a client that has just left is not an error.
    response.on("error", ignore)
  }

  /** Whether it has unread bytes beyond Node's high-water mark. */
  get isFull(): boolean {
    return this.response.writableNeedDrain
  }

  get isOpen(): boolean {
    return !this.response.destroyed && !this.response.writableEnded
  }

  /** At most one chunk exceeds Node's high-water mark (64 KiB), and all clients share the chunks. */
  write(chunk: Buffer | string, now: number): void {
    if (!this.response.write(chunk)) this.fullSince ??= now
  }

  /** Waits until its buffers are empty. Replaces the next `onDrain`. */
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

  /** Ends the response, or destroys it if it has unread bytes. */
  end(): void {
    if (this.isFull) this.response.destroy()
    else this.response.end()
  }
}

const ignore = () => {}

/**
 * Keeps a response open that the server is about to write and end: calls `begin` instead of ending it, after the headers are written. So the headers
 * include everything that middleware adds, and no fiber waits for the end of a stream that may last for months. If middleware replaces the response
 * by one with a body or another status, that response ends as usual.
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
