import type { IncomingMessage, ServerResponse } from "node:http"
import { PassThrough } from "node:stream"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { BodyReader, BufferedBytes, maxBufferedBytes, parseChat } from "../src/internal/Gateway/RequestBody.ts"

const reading = (buffered: BufferedBytes) => {
  const request = Object.assign(new PassThrough(), { headers: {} })
  // `BodyReader` uses only headers and stream of the request, and the response only with `expect`.
  const reader = new BodyReader(request as unknown as IncomingMessage, {} as ServerResponse, buffered)
  return { request, reader }
}

/** Measures the free bytes and leaves the count unchanged. */
const room = (buffered: BufferedBytes): number => {
  let bytes = 0
  for (let step = maxBufferedBytes; step >= 1; step = Math.floor(step / 2)) {
    while (buffered.tryAdd(step)) bytes += step
  }
  buffered.remove(bytes)
  return bytes
}

it.effect("counts a body as buffered until it is released, also if released twice", () =>
  Effect.gen(function* () {
    const buffered = new BufferedBytes()
    const { reader, request } = reading(buffered)
    const fiber = yield* Effect.forkChild(reader.bytes, { startImmediately: true })
    request.write("half ")
    request.end("and half")
    assert.strictEqual((yield* Fiber.join(fiber)).toString(), "half and half")
    assert.strictEqual(room(buffered), maxBufferedBytes - 13)
    reader.release()
    reader.release()
    assert.strictEqual(room(buffered), maxBufferedBytes)
  }),
)

it.effect("refuses a body above the buffer limit with Retry-After", () =>
  Effect.gen(function* () {
    const buffered = new BufferedBytes()
    buffered.tryAdd(maxBufferedBytes - 10)
    const { reader, request } = reading(buffered)
    const fiber = yield* Effect.forkChild(Effect.flip(reader.bytes), { startImmediately: true })
    request.write("12345678")
    request.write("12345678")
    const { code, retryAfterSeconds, status } = yield* Fiber.join(fiber)
    assert.deepStrictEqual([status, code, retryAfterSeconds], [503, "overloaded", 1])
    reader.release()
    assert.strictEqual(room(buffered), 10)
  }),
)

it.effect("refuses a body that ends early", () =>
  Effect.gen(function* () {
    const { reader, request } = reading(new BufferedBytes())
    const fiber = yield* Effect.forkChild(Effect.flip(reader.bytes), { startImmediately: true })
    request.destroy(new Error("aborted"))
    assert.strictEqual((yield* Fiber.join(fiber)).code, "body_incomplete")
  }),
)

it("refuses a body that is nested deeper than 256 levels before parsing it", () => {
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels)
  const messageOf = (text: string) => {
    const parsed = parseChat(Buffer.from(text))
    return parsed._tag === "Failure" ? parsed.failure.message : undefined
  }
  assert.isUndefined(messageOf(`{"model":"m","messages":${nested(256)}}`))
  for (const text of [
    `{"model":"m","messages":${nested(257)}}`,
    nested(300),
    "[".repeat(300),
    `{"model":${nested(300)}`,
  ]) {
    assert.include(messageOf(text) ?? "", "nested deeper than 256 levels")
  }
  assert.isUndefined(messageOf(`{"model":"m","messages":${JSON.stringify(nested(300))}}`))
})
