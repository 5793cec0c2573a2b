/**
 * One client's response. It holds no events: what it has not read is in the kernel's and Node's buffers, and while those are full nothing more
 * is written to it. When it reads again, it is given what the bus still keeps, or a gap.
 */
import type { ServerResponse } from "node:http"
import type { Cursor } from "@signalbox/core/Event"
import type { Fiber } from "effect"

export class Client {
  /** Everything up to here was written. */
  place: Cursor
  readonly response: ServerResponse
  /** Of the request. */
  readonly fiber: Fiber.Fiber<unknown, unknown>
  /** Milliseconds since 1970 when its buffers were found full. */
  fullSince: number | undefined
  gone = false
  #whenDrained: (() => void) | undefined

  constructor(response: ServerResponse, fiber: Fiber.Fiber<unknown, unknown>, place: Cursor) {
    this.response = response
    this.fiber = fiber
    this.place = place
    response.on("drain", () => {
      this.fullSince = undefined
      this.#whenDrained?.()
    })
    response.on("close", () => {
      this.gone = true
    })
    // Writing to a client that has just gone is an error of nobody.
    response.on("error", () => {})
  }

  /** It has not read what was written before. */
  get isFull(): boolean {
    return this.response.writableNeedDrain
  }

  get isOpen(): boolean {
    return !this.gone && !this.response.writableEnded
  }

  /** At most one chunk goes beyond Node's high-water mark (64 KiB), and chunks are shared by all clients. */
  write(chunk: Buffer | string, now: number): void {
    if (!this.response.write(chunk)) this.fullSince ??= now
  }

  /** One listener at a time, called at each drain. */
  onDrain(listener: (() => void) | undefined): void {
    this.#whenDrained = listener
  }

  /** Ends the response; one that would have to wait for its reader is cut. */
  end(): void {
    if (this.isFull) this.response.destroy()
    else this.response.end()
    this.fiber.interruptUnsafe()
  }
}
