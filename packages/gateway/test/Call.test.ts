import { assert, it } from "@effect/vitest"
import { errors } from "undici"
import { maxBodyBytes } from "../src/internal/Gateway/Call.ts"
import { maxBufferedBytes } from "../src/internal/Gateway/RequestBody.ts"
import { CallFixture, streaming } from "./CallFixture.ts"

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const refused = () => Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" })

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
