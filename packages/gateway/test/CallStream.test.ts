import { afterEach, assert, it, vi } from "@effect/vitest"
import { errors } from "undici"
import { maxBufferedBytes } from "../src/internal/Gateway/RequestBody.ts"
import { CallFixture, streaming } from "./CallFixture.ts"

afterEach(() => void vi.useRealTimers())

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
