/**
 * Closes the connection of a caller that reads nothing for a time. Node's socket timer measures it: every part that leaves resets the timer, so a
 * slow caller is never closed, only one that has stopped reading.
 */
import type { ServerResponse } from "node:http"

export class WriteTimeout {
  readonly #response: ServerResponse
  #isArmed = false

  constructor(response: ServerResponse) {
    this.#response = response
  }

  /** Starts the timer because bytes wait to be read. It ends with `stop`, with the response, or by closing the connection. */
  start(millis: number): void {
    const response = this.#response
    if (!this.#isArmed) {
      this.#isArmed = true
      response.once("timeout", () => response.destroy())
      // Runs before the server's own listener, which hands the connection to the next response and sets its timer.
      response.prependOnceListener("finish", () => this.stop())
    }
    response.setTimeout(millis)
  }

  stop(): void {
    this.#response.setTimeout(0)
  }
}
