/**
 * How long a caller may take nothing of what is written for it. Node's timer of the connection does it: it takes each part that leaves for a
 * sign of life, so that a slow caller is never cut, only one that does not read at all.
 */
import type { ServerResponse } from "node:http"

export class WriteTimeout {
  readonly #response: ServerResponse
  #isArmed = false

  constructor(response: ServerResponse) {
    this.#response = response
  }

  /** Something waits to be taken. Ends with `end`, with the answer, or with the connection, which is cut then. */
  start(millis: number): void {
    const response = this.#response
    if (!this.#isArmed) {
      this.#isArmed = true
      response.once("timeout", () => response.destroy())
      // Before the server's own, which gives the connection to the next answer and sets its timer for that.
      response.prependOnceListener("finish", () => this.stop())
    }
    response.setTimeout(millis)
  }

  /** It was taken. */
  stop(): void {
    this.#response.setTimeout(0)
  }
}
