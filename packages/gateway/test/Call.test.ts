import { EventEmitter } from "node:events"
import type { ServerResponse } from "node:http"
import { afterEach, assert, it, vi } from "@effect/vitest"
import { errors } from "undici"
import type { Control, Listener, Upstream } from "../src/internal/Exchange.ts"
import type { ApiError } from "../src/internal/Gateway/ApiError.ts"
import { Call, maxBodyBytes } from "../src/internal/Gateway/Call.ts"
import { BufferedBytes, maxBufferedBytes } from "../src/internal/Gateway/RequestBody.ts"

/** A call with a caller's connection and a provider that the test controls. */
class CallFixture {
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

afterEach(() => void vi.useRealTimers())

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const refused = () => Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" })

const streaming = () => {
  const stage = new CallFixture()
  stage.call.begin()
  stage.call.onRequestStart(stage.control)
  stage.call.onResponseStart(stage.control, 200, { "content-type": "text/event-stream" })
  return stage
}

it("pauses the provider while the caller reads slowly", () => {
  const { call, control, log, response } = streaming()
  response.takesMore = false
  call.onResponseData(control, Buffer.from(": a\n"))
  assert.deepStrictEqual(log, ["head 200", "write : a\n", "pause"])
  response.takesMore = true
  response.emit("drain")
  assert.strictEqual(log.at(-1), "resume")
  call.onResponseData(control, Buffer.from(": b\n"))
  call.onResponseEnd()
  assert.deepStrictEqual(log.slice(-2), ["write : b\n", "end "])
})

it("closes the connection of a caller that reads nothing of a stream for five minutes, and no other", () => {
  const { call, control, log, response } = streaming()
  response.on("close", () => log.push("cut"))
  call.onResponseData(control, Buffer.from(": a\n"))
  assert.strictEqual(response.timeoutMillis, 0)
  response.takesMore = false
  for (const line of [": b\n", ": c\n"]) {
    call.onResponseData(control, Buffer.from(line))
    assert.strictEqual(response.timeoutMillis, 300_000)
    response.emit("drain")
    assert.strictEqual(response.timeoutMillis, 0)
  }
  call.onResponseData(control, Buffer.from(": d\n"))
  response.emit("timeout")
  assert.strictEqual(log.at(-1), "cut")
})

it("limits the time for the rest of an ended stream, and clears the timeout for the next response", () => {
  const { call, control, log, response } = streaming()
  response.on("close", () => log.push("cut"))
  call.onResponseData(control, Buffer.from(": a\n"))
  response.writableLength = 4
  call.onResponseEnd()
  assert.strictEqual(response.timeoutMillis, 300_000)
  response.emit("finish")
  assert.strictEqual(response.timeoutMillis, 0)
})

it("resumes a paused provider when the stream has ended", () => {
  const { call, control, log, response } = streaming()
  response.takesMore = false
  call.onResponseData(control, Buffer.from(": a\n"))
  // The chunk was on its way already.
  call.onResponseData(control, Buffer.from("data: [DONE]\n\n"))
  assert.deepStrictEqual(log.slice(-3), ["pause", "end data: [DONE]\n\n", "resume"])
})

it("sends the end of a response after the call has ended, and treats [DONE] as the end of a stream", () => {
  const plain = new CallFixture()
  plain.over = () => void plain.log.push("over")
  plain.call.begin()
  plain.call.onRequestStart(plain.control)
  plain.call.onResponseStart(plain.control, 200, { "content-type": "application/json" })
  plain.call.onResponseData(plain.control, Buffer.from('{"model":"big"}'))
  plain.call.onResponseEnd()
  assert.deepStrictEqual(plain.log, ["over", "head 200", 'end {"model":"fast"}'])

  for (const last of ["data: [DONE]\n\n", 'data: {"model":"fast"}\n\ndata: [DONE]\n\n']) {
    const stage = streaming()
    stage.over = () => void stage.log.push("over")
    stage.call.onResponseData(stage.control, Buffer.from(last))
    assert.deepStrictEqual(stage.log, ["head 200", "over", `end ${last}`])
    stage.call.onResponseEnd()
    assert.lengthOf(stage.refusals, 1)
  }

  // Similar data does not end a stream.
  for (const other of ["data: x\ndata: [DONE]\n\n", "xdata: [DONE]\n\n", "data: [DONE]\n"]) {
    const stage = streaming()
    stage.over = () => void stage.log.push("over")
    stage.call.onResponseData(stage.control, Buffer.from(other))
    assert.notInclude(stage.log, "over")
    stage.call.onResponseEnd()
    assert.strictEqual(stage.log.at(-2), "over")
  }
})

it("retries a request once that was certainly not sent", async () => {
  const { attempts, call, refusals } = new CallFixture()
  call.begin()
  call.onResponseError(null, refused())
  await turn()
  assert.strictEqual(attempts.length, 2)
  assert.deepStrictEqual(refusals, [])
  call.onResponseError(null, refused())
  await turn()
  assert.strictEqual(attempts.length, 2)
  assert.deepStrictEqual(
    [refusals[0]?.status, refusals[0]?.code, refusals[0]?.retry],
    [502, "upstream_unreachable", true],
  )
  assert.isTrue(call.failure?.isDown)
})

it("does not report the provider as down when the request cannot be written", () => {
  const { call, refusals } = new CallFixture()
  call.begin()
  call.onResponseError(null, new errors.InvalidArgumentError("invalid user-agent header"))
  assert.deepStrictEqual([refusals[0]?.status, refusals[0]?.code], [400, "request_unsendable"])
  assert.isFalse(call.failure?.isDown)
})

it("never retries a request that may have been sent", async () => {
  for (const error of [refused(), new errors.SocketError("other side closed"), new errors.HeadersTimeoutError()]) {
    const { attempts, call, control, refusals } = new CallFixture()
    call.begin()
    call.onRequestStart(control)
    call.onResponseError(control, error)
    await turn()
    assert.strictEqual(attempts.length, 1)
    assert.strictEqual(refusals[0]?.retry, false)
    assert.isFalse(call.failure?.isDown)
  }
})

it("reports a timeout when the provider starts too late or stops in the middle", () => {
  const late = new CallFixture()
  late.call.begin()
  late.call.onRequestStart(late.control)
  late.call.onResponseError(late.control, new errors.HeadersTimeoutError())
  assert.deepStrictEqual([late.refusals[0]?.status, late.call.error], [504, "timeout"])

  const stuck = streaming()
  stuck.call.onResponseError(stuck.control, new errors.BodyTimeoutError())
  assert.strictEqual(stuck.call.error, "timeout")
  assert.include(stuck.log.at(-1) ?? "", '"code":"upstream_timeout"')
})

it("aborts a queued request whose caller has left", () => {
  const { call, control, log, refusals } = new CallFixture()
  call.begin()
  call.cancel()
  call.onRequestStart(control)
  assert.deepStrictEqual(log, ["abort"])
  assert.deepStrictEqual(refusals, [])
  assert.deepStrictEqual([call.error, call.bytesSent], ["aborted", 0])
})

it("refuses a response that is too large to buffer, and frees its bytes", () => {
  const { call, control, buffered, refusals } = new CallFixture()
  call.begin()
  call.onRequestStart(control)
  call.onResponseStart(control, 200, { "content-type": "application/json" })
  const chunk = Buffer.alloc(8 * 1024 * 1024)
  for (let bytes = 0; bytes <= maxBodyBytes; bytes += chunk.length) call.onResponseData(control, chunk)
  assert.strictEqual(refusals[0]?.status, 502)
  assert.isTrue(buffered.tryAdd(maxBufferedBytes))
  assert.isFalse(buffered.tryAdd(1))
})

it("ignores an interim response", () => {
  const { call, control, log } = new CallFixture()
  call.begin()
  call.onRequestStart(control)
  call.onResponseStart(control, 103, { link: "</x>" })
  call.onResponseStart(control, 200, { "content-type": "application/json" })
  call.onResponseData(control, Buffer.from('{"model":"big"}'))
  call.onResponseEnd()
  assert.deepStrictEqual(log, ["head 200", 'end {"model":"fast"}'])
})

it("counts a long response as buffered until its connection is closed", () => {
  const { call, control, buffered, response } = new CallFixture()
  const body = Buffer.alloc(1024 * 1024)
  call.begin()
  call.onRequestStart(control)
  call.onResponseStart(control, 200, { "content-type": "application/octet-stream" })
  call.onResponseData(control, body)
  response.writableLength = body.length
  call.onResponseEnd()
  assert.isFalse(buffered.tryAdd(maxBufferedBytes - body.length + 1))
  assert.strictEqual(response.timeoutMillis, 60_000)
  response.emit("timeout")
  assert.isTrue(buffered.tryAdd(maxBufferedBytes))
})

it("uses the first value of a header that the provider repeats", () => {
  const { call, control, log } = new CallFixture()
  call.begin()
  call.onRequestStart(control)
  // undici returns a list.
  const twice = ["application/json", "text/plain"] as unknown as string
  call.onResponseStart(control, 200, { "content-type": twice })
  call.onResponseData(control, Buffer.from('{"model":"big"}'))
  call.onResponseEnd()
  assert.deepStrictEqual(log, ["head 200", 'end {"model":"fast"}'])
})

it("records an error in the stream even if the caller leaves because of it", () => {
  const { call, control } = streaming()
  call.onResponseData(control, Buffer.from('data: {"error":{"message":"overloaded"}}\n\n'))
  call.cancel()
  assert.strictEqual(call.error, "upstream")
})

it("frees the bytes of an incomplete event when the caller leaves", () => {
  const { call, control, buffered } = streaming()
  call.onResponseData(control, Buffer.from("data: {"))
  assert.isFalse(buffered.tryAdd(maxBufferedBytes))
  call.cancel()
  assert.isTrue(buffered.tryAdd(maxBufferedBytes))
})

it("ends a stream with an error if an event exceeds the buffer", () => {
  const { call, control, buffered, log } = streaming()
  buffered.add(maxBufferedBytes)
  call.onResponseData(control, Buffer.from("data: {"))
  assert.include(log, "abort")
  assert.include(log.at(-1) ?? "", '"code":"upstream_broken"')

  const late = streaming()
  late.buffered.add(maxBufferedBytes)
  late.call.onResponseData(late.control, Buffer.from("data: [DONE]\n\ndata: {"))
  assert.deepStrictEqual([late.log.at(-1), late.call.error], ["end data: [DONE]\n\n", undefined])
  late.call.onResponseEnd()
})

it("aborts a response that stays open for a second after [DONE], and no other", () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
  const last = Buffer.from("data: [DONE]\n\n")
  const open = streaming()
  open.call.onResponseData(open.control, last)
  vi.advanceTimersByTime(999)
  assert.notInclude(open.log, "abort")
  vi.advanceTimersByTime(1)
  assert.include(open.log, "abort")
  assert.isUndefined(open.call.error)

  for (const over of [
    ({ call }: CallFixture) => call.onResponseEnd(),
    ({ call, control }: CallFixture) => call.onResponseError(control, new errors.SocketError("other side closed")),
  ]) {
    const stage = streaming()
    stage.call.onResponseData(stage.control, last)
    over(stage)
    assert.strictEqual(vi.getTimerCount(), 0)
  }
})

it("remembers a refused key until the next success", () => {
  let refusesKey = false
  for (const [status, refuses] of [
    [401, true],
    [500, true],
    [200, false],
    [403, false],
  ] as const) {
    const { call, control, upstream } = new CallFixture()
    upstream.keyStatus.isRefused = refusesKey
    call.begin()
    call.onRequestStart(control)
    call.onResponseStart(control, status, {})
    refusesKey = upstream.keyStatus.isRefused
    assert.strictEqual(refusesKey, refuses, String(status))
  }
})
