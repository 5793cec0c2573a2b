/** Reads the body of a request within bounds, and extracts the members that the gateway needs. */
import type { IncomingMessage, ServerResponse } from "node:http"
import { Effect, Result } from "effect"
import { JsonMembers, maxDepth } from "../JsonMembers.ts"
import { ApiError } from "./ApiError.ts"
import { jsonName, namesIn, renamed } from "./ModelName.ts"

/** For one request. */
export const maxBodyBytes = 32 * 1024 * 1024

/** For all buffered requests, responses and events together. */
export const maxBufferedBytes = 512 * 1024 * 1024

/** Counts the bytes that the gateway buffers. */
export class BufferedBytes {
  #bytes = 0
  /** Adds the bytes and returns `true`, or returns `false` above the limit. */
  tryAdd(bytes: number): boolean {
    if (this.#bytes + bytes > maxBufferedBytes) return false
    this.#bytes += bytes
    return true
  }
  /** Adds bytes that are already in memory, even above the limit. */
  add(bytes: number): void {
    this.#bytes += bytes
  }
  remove(bytes: number): void {
    this.#bytes -= bytes
  }
}

/** Reads one body. Its bytes count as buffered until `release`, which is idempotent and allowed at any time. */
export class BodyReader {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #buffered: BufferedBytes
  #length = 0

  constructor(request: IncomingMessage, response: ServerResponse, buffered: BufferedBytes) {
    this.#request = request
    this.#response = response
    this.#buffered = buffered
  }

  release(): void {
    this.#buffered.remove(this.#length)
    this.#length = 0
  }

  /** Reads the whole body; run it once. A caller that leaves interrupts it. */
  get bytes(): Effect.Effect<Buffer, ApiError> {
    return Effect.callback((resume) => {
      const request = this.#request
      if (Number(request.headers["content-length"] ?? 0) > maxBodyBytes) return resume(tooLarge)
      if (expectsContinue.test(request.headers.expect ?? "")) this.#response.writeContinue()
      const chunks: Array<Buffer> = []
      const stop = () => {
        request.off("data", onData)
        request.off("end", onEnd)
      }
      const refuse = (error: Effect.Effect<never, ApiError>) => {
        stop()
        request.pause()
        resume(error)
      }
      const onData = (chunk: Buffer) => {
        if (this.#length + chunk.length > maxBodyBytes) return refuse(tooLarge)
        if (!this.#buffered.tryAdd(chunk.length)) return refuse(full)
        this.#length += chunk.length
        chunks.push(chunk)
      }
      const onEnd = () => resume(Effect.succeed(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, this.#length)))
      request.on("data", onData)
      request.on("end", onEnd)
      // Never removed: an `error` event without a listener would end the process.
      request.on("error", () => refuse(broken))
      return Effect.sync(stop)
    })
  }
}

/** The value is case-insensitive (RFC 9110, 10.1.1). */
const expectsContinue = /^100-continue$/i

/** A chat completion request. */
export interface ChatRequest {
  readonly model: string
  readonly stream: boolean
  /** The same request with the upstream model as `model`. */
  readonly withModel: (upstream: string) => Buffer
}

/** Checks only `model` and `stream`; the provider checks everything else. */
export const parseChat = (bytes: Buffer): Result.Result<ChatRequest, ApiError> => {
  const members = new JsonMembers()
  members.scan(bytes, 0, bytes.length)
  if (members.isTooDeep) {
    return invalid(null, null, `the body is nested deeper than ${maxDepth} levels; make it flatter`)
  }
  const parsed = Result.try({ try: (): unknown => JSON.parse(bytes.toString()), catch: String })
  if (Result.isFailure(parsed)) {
    return invalid(null, null, `the body is not valid JSON (${parsed.failure.slice(0, 200)}); send a JSON object`)
  }
  const value = parsed.success
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return invalid(null, null, "the body is not a JSON object; send one with at least `model` and `messages`")
  }
  const { model, stream } = value as { readonly model?: unknown; readonly stream?: unknown }
  if (model === undefined) {
    return invalid(
      "model",
      "missing_required_parameter",
      "`model` is missing; GET /v1/models lists the available models",
    )
  }
  if (typeof model !== "string" || model === "") {
    return invalid(
      "model",
      "invalid_type",
      "`model` must be a non-empty string; GET /v1/models lists the available models",
    )
  }
  if (stream !== undefined && stream !== null && typeof stream !== "boolean") {
    return invalid("stream", "invalid_type", "`stream` must be true or false")
  }
  // Parsers differ in which of two members they use, so the provider could run another model than the one that was allowed here.
  if (members.furtherModels !== undefined) {
    return invalid("model", "invalid_value", "`model` is given more than once; give it once")
  }
  // Go's parser, which many model servers use, ignores case in member names.
  if (Object.keys(value).some(isModelInOtherCase)) {
    return invalid("model", "invalid_value", "`model` is also given in another spelling; give it once, in lower case")
  }
  const ranges = namesIn(bytes, members)
  return Result.succeed({
    model,
    stream: stream === true,
    withModel: (upstream) => (upstream === model ? bytes : renamed(bytes, 0, bytes.length, ranges, jsonName(upstream))),
  })
}

const isModelInOtherCase = (name: string): boolean =>
  name !== "model" && name.length === 5 && name.toLowerCase() === "model"

const invalid = (param: string | null, code: string | null, message: string) =>
  Result.fail(new ApiError({ status: 400, param, code, message }))

const tooLarge = Effect.fail(
  new ApiError({
    status: 413,
    code: "request_too_large",
    message: `the body is larger than ${maxBodyBytes / 1024 / 1024} MiB; send less, for example smaller images`,
  }),
)

const full = Effect.fail(
  new ApiError({
    status: 503,
    code: "overloaded",
    retryAfterSeconds: 1,
    retry: true,
    message: `this host buffers ${maxBufferedBytes / 1024 / 1024} MiB of requests and responses, the maximum; try again`,
  }),
)

const broken = Effect.fail(
  new ApiError({ status: 400, code: "body_incomplete", message: "the body ended too early; send the request again" }),
)
