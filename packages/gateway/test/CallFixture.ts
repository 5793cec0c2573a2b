import { EventEmitter } from "node:events"
import type { ServerResponse } from "node:http"
import type { Control, Listener, Upstream } from "../src/internal/Exchange.ts"
import type { ApiError } from "../src/internal/Gateway/ApiError.ts"
import { Call } from "../src/internal/Gateway/Call.ts"
import { BufferedBytes } from "../src/internal/Gateway/RequestBody.ts"

/** A call with a caller's connection and a provider that the test controls. */
export class CallFixture {
  readonly log: Array<string> = []
  readonly response = Object.assign(new EventEmitter(), {
    destroyed: false,
    chunkedEncoding: false,
    takesMore: true,
    writeHead: (status: number) => {
      this.log.push(`head ${status}`)
      return this.response
    },
    flushHeaders: () => undefined,
    writableLength: 0,
    /** The timeout in milliseconds, 0 for none. */
    timeoutMillis: 0,
    setTimeout: (millis: number) => {
      this.response.timeoutMillis = millis
      return this.response
    },
    destroy: () => void this.response.emit("close"),
    write: (bytes: Buffer) => {
      this.log.push(`write ${bytes}`)
      return this.response.takesMore
    },
    end: (bytes?: Buffer | string) => void this.log.push(`end ${bytes ?? ""}`),
  })
  readonly control: Control = {
    abort: () => void this.log.push("abort"),
    pause: () => void this.log.push("pause"),
    resume: () => void this.log.push("resume"),
  }
  readonly attempts: Array<Listener> = []
  readonly refusals: Array<ApiError | undefined> = []
  readonly buffered = new BufferedBytes()
  /** Called when the call has ended, before the end of the response is sent. */
  over = () => {}
  readonly upstream: Upstream = {
    provider: "main",
    kind: "openai",
    load: { inFlight: 0 },
    keyStatus: { isRefused: false },
    chatCompletions: (_body, _headers, listener) => void this.attempts.push(listener),
    redact: (text) => text,
    secret: undefined,
  }
  readonly call = new Call({
    upstream: this.upstream,
    alias: "fast",
    body: Buffer.from("{}"),
    headers: [],
    // `Call` uses no other member of a response.
    response: this.response as unknown as ServerResponse,
    buffered: this.buffered,
    now: () => 0,
    onResponding: undefined,
    onEnd: (refusal) => {
      this.refusals.push(refusal)
      this.over()
      if (refusal === undefined) this.call.send()
    },
  })
}

/** A call whose stream has begun. */
export const streaming = () => {
  const stage = new CallFixture()
  stage.call.begin()
  stage.call.onRequestStart(stage.control)
  stage.call.onResponseStart(stage.control, 200, { "content-type": "text/event-stream" })
  return stage
}
