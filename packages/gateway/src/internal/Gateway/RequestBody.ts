/** The body of a request: whole, bounded, and what the gateway needs to know of it. */
import type { IncomingMessage, ServerResponse } from "node:http"
import { Effect, Result } from "effect"
import { JsonMembers, maxDepth } from "../JsonMembers.ts"
import { ApiError } from "./ApiError.ts"
import { jsonName, namesIn, renamed } from "./ModelName.ts"

/** Of one request. */
export const maxBodyBytes = 32 * 1024 * 1024

/** Of all requests and whole answers that are held at one time. */
export const maxBufferedBytes = 512 * 1024 * 1024

/** Counts them. */
export class BufferedBytes {
  #bytes = 0
  /** Whether there was room. */
  tryAdd(bytes: number): boolean {
    if (this.#bytes + bytes > maxBufferedBytes) return false
    this.#bytes += bytes
    return true
  }
  /** Counts what is held already, whether or not there is room. */
  add(bytes: number): void {
    this.#bytes += bytes
  }
  remove(bytes: number): void {
    this.#bytes -= bytes
  }
}

/** Reads one body. What it holds counts until `release`, which may come at any time, and more than once. */
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

  /** Once. A caller that leaves in the middle interrupts it. */
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
      // Stays: an error that nobody listens to would end the process.
      request.on("error", () => refuse(broken))
      return Effect.sync(stop)
    })
  }
}

/** In any case (RFC 9110, 10.1.1). */
const expectsContinue = /^100-continue$/i

/** A chat completion as it came. */
export interface ChatRequest {
  readonly model: string
  readonly stream: boolean
  /** The same request under the provider's name for the model. */
  readonly withModel: (upstream: string) => Buffer
}

/** Everything beside `model` and `stream` is the provider's to judge. */
export const parseChat = (bytes: Buffer): Result.Result<ChatRequest, ApiError> => {
  const members = new JsonMembers()
  members.scan(bytes, 0, bytes.length)
  if (members.isTooDeep) {
    return invalid(null, null, `the body is nested deeper than ${maxDepth} levels; make it flatter`)
  }
  const parsed = Result.try({ try: (): unknown => JSON.parse(bytes.toString()), catch: String })
  if (Result.isFailure(parsed)) {
    return invalid(null, null, `the body is no JSON (${parsed.failure.slice(0, 200)}); send a JSON object`)
  }
  const value = parsed.success
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return invalid(null, null, "the body is no JSON object; send one with at least `model` and `messages`")
  }
  const { model, stream } = value as { readonly model?: unknown; readonly stream?: unknown }
  if (model === undefined) {
    return invalid(
      "model",
      "missing_required_parameter",
      "`model` is missing; name one of those that GET /v1/models lists",
    )
  }
  if (typeof model !== "string" || model === "") {
    return invalid("model", "invalid_type", "`model` must be a string that is not empty; GET /v1/models lists them")
  }
  if (stream !== undefined && stream !== null && typeof stream !== "boolean") {
    return invalid("stream", "invalid_type", "`stream` must be true or false")
  }
  // Parsers differ in which of them they take: what was allowed here might be another one there.
  if (members.furtherModels !== undefined) {
    return invalid("model", "invalid_value", "`model` is given more than once; give it once")
  }
  // Some do not tell upper from lower case in names, as Go's, in which many servers for models are written.
  if (Object.keys(value).some(isOtherModel)) {
    return invalid("model", "invalid_value", "`model` is also given in another spelling; give it once, in lower case")
  }
  const ranges = namesIn(bytes, members)
  return Result.succeed({
    model,
    stream: stream === true,
    withModel: (upstream) => (upstream === model ? bytes : renamed(bytes, 0, bytes.length, ranges, jsonName(upstream))),
  })
}

const isOtherModel = (name: string): boolean => name !== "model" && name.length === 5 && name.toLowerCase() === "model"

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
    message: `requests and answers of ${maxBufferedBytes / 1024 / 1024} MiB are under way, which is as much as there may be; try again`,
  }),
)

const broken = Effect.fail(
  new ApiError({ status: 400, code: "body_incomplete", message: "the body ended too early; send it again, whole" }),
)
