/**
 * Carries one call: writes the provider's response to the caller as it arrives, with the alias as model name, and counts it. It uses callbacks
 * instead of effects because every byte takes this path. It sends the request once and retries only a request that was certainly not sent. It writes
 * the end of a response last, so that a caller with a complete response finds the call in the ledger.
 */
import type { IncomingHttpHeaders, ServerResponse } from "node:http"
import * as Sse from "effect/encoding/Sse"
import type { Control, ForwardedHeaders, Listener, Upstream } from "../Exchange.ts"
import { type Failure, failureOf } from "../Failure.ts"
import { JsonMembers } from "../JsonMembers.ts"
import type { ApiError } from "./ApiError.ts"
import { returnedHeaders } from "./HeaderFilter.ts"
import { holdsKey, redactKey, redactKeyInError } from "./KeyRedaction.ts"
import { jsonName, namesIn, renamed } from "./ModelName.ts"
import { drained, failureRefusal, refusalOfStatus } from "./ProviderRefusal.ts"
import { type BufferedBytes, maxBufferedBytes } from "./RequestBody.ts"
import { maxEventBytes, SseRewriter } from "./SseRewriter.ts"
import { StreamBody } from "./StreamBody.ts"
import { WriteTimeout } from "./WriteTimeout.ts"

/** For a response that is not a stream, which is buffered until it is complete. */
export const maxBodyBytes = 32 * 1024 * 1024

const noBytes = Buffer.alloc(0)
const mib = 1024 * 1024

/** Shorter responses are written as text. */
const oneWriteBytes = 16 * 1024

/** The time in which a caller must read something of a complete response, which stays in memory until then. */
const bodyWriteTimeoutMillis = 60_000

/** The same for a stream, as long as a provider may be silent. Its generation stays pinned, the provider waits, and little is buffered. */
const streamWriteTimeoutMillis = 300_000

/**
 * From `[DONE]` to the end of the provider's response, which frees the connection for the next request. It arrives at once or with a retransmitted
 * packet. A provider that omits it would otherwise keep one of `maxConnections` until `bodyTimeoutMillis`.
 */
const endTimeoutMillis = 1_000

export interface CallOptions {
  readonly upstream: Upstream
  readonly alias: string
  readonly body: Buffer
  readonly headers: ForwardedHeaders
  readonly response: ServerResponse
  readonly buffered: BufferedBytes
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** The response headers have arrived. */
  readonly onResponding: (() => void) | undefined
  /** Called once, never after `cancel`: the response is complete but for the end that `send` writes, or the error is the response. */
  readonly onEnd: (refusal: ApiError | undefined) => void
}

export class Call implements Listener {
  // For the ledger.
  status: number | undefined = undefined
  error: string | undefined = undefined
  bytesSent = 0
  bytesReceived = 0
  respondedAt: number | undefined = undefined
  firstChunkAt: number | undefined = undefined
  isStream = false
  usage: Buffer | undefined = undefined
  failure: Failure | undefined = undefined

  readonly #options: CallOptions
  #control: Control | undefined = undefined
  #wasSent = false
  #attempts = 0
  #ended = false
  #headers: Array<string> = []
  #isJson = false
  #chunks: Array<Buffer> = []
  #bufferedBytes = 0
  #rewriter: SseRewriter | undefined = undefined
  #stream: StreamBody | undefined = undefined
  /** The provider is paused until the caller reads. */
  #isPaused = false
  /** Runs after `[DONE]` until the provider ends its response. */
  #endTimer: NodeJS.Timeout | undefined = undefined
  /** The whole body, or the end of a stream. */
  #last: Buffer = noBytes
  readonly #writeTimeout: WriteTimeout

  constructor(options: CallOptions) {
    this.#options = options
    this.#writeTimeout = new WriteTimeout(options.response)
  }

  begin(): void {
    const { body, headers, upstream } = this.#options
    this.#attempts++
    upstream.chatCompletions?.(body, headers, this)
  }

  /** Aborts the request at once, because the caller has left. */
  cancel(): void {
    if (this.#ended) return
    this.#finish()
    this.error ??= "aborted"
    this.#control?.abort(new Error("the caller has left"))
  }

  /** Ends the call because the drain limit releases its generation. A stream ends with an error event. */
  drain(message: string): void {
    if (this.#ended) return
    this.#refuse("drained", drained(message))
  }

  onRequestStart(control: Control): void {
    this.#control = control
    this.#wasSent = true
    // The caller left while the request was queued. Aborting now is cheaper than closing the connection later.
    if (this.#ended) control.abort(new Error("the caller has left"))
    else this.bytesSent = this.#options.body.length
  }

  onResponseStart(control: Control, status: number, headers: IncomingHttpHeaders): void {
    if (this.#ended || status < 200) return
    const { now, onResponding, upstream } = this.#options
    this.#control = control
    this.status = status
    this.respondedAt = now()
    onResponding?.()
    if (status === 401 || status < 300) upstream.keyStatus.isRefused = status === 401
    const refusal = status < 300 ? undefined : refusalOfStatus(upstream, status, first(headers["location"]))
    if (refusal !== undefined) {
      this.#refuse(refusal.code ?? "upstream", refusal)
      return
    }
    const encoding = first(headers["content-encoding"])
    if (encoding !== undefined && encoding !== "" && encoding !== "identity") {
      // Redact before cutting: half a key is still a secret.
      this.#failUpstream(`used a content encoding that was not requested (${upstream.redact(encoding).slice(0, 40)})`)
      return
    }
    const type = first(headers["content-type"]) ?? ""
    this.#isJson = type.includes("json")
    this.#headers = returnedHeaders(headers, (value) => holdsKey(upstream, status, value))
    if (status < 300 && type.startsWith("text/event-stream")) this.#beginStream(status)
  }

  #beginStream(status: number): void {
    const { response } = this.#options
    this.isStream = true
    this.#rewriter = new SseRewriter(jsonName(this.#options.alias), this.#options.buffered)
    response.writeHead(status, this.#headers)
    this.#stream = new StreamBody(response)
    // The headers leave with the first event if it is there, else at once.
    setImmediate(() => {
      if (this.firstChunkAt === undefined && !this.#ended && !response.destroyed) response.flushHeaders()
    })
  }

  onResponseData(control: Control, chunk: Buffer): void {
    if (this.#ended) return
    this.firstChunkAt ??= this.#options.now()
    this.bytesReceived += chunk.length
    if (this.#rewriter === undefined) this.#buffer(chunk)
    else this.#forward(control, chunk, this.#rewriter)
  }

  #forward(control: Control, chunk: Buffer, rewriter: SseRewriter): void {
    const complete = rewriter.push(chunk)
    // Bytes after `[DONE]` may exceed the bound.
    if (rewriter.isOverrun && !rewriter.isDone) {
      this.#failUpstream(
        `sent an event that cannot be buffered: it is longer than ${maxEventBytes / mib} MiB, or ${maxBufferedBytes / mib} MiB are buffered already`,
      )
      return
    }
    if (complete === undefined) return
    const redacted = redactKey(this.#options.upstream, complete)
    if (rewriter.isDone) {
      // A caller with this event waits for nothing else.
      this.#end(redacted)
      this.#endTimer = setTimeout(() => control.abort(new Error("did not end its response")), endTimeoutMillis).unref()
      // The provider may end its response, which frees its connection.
      if (this.#isPaused) control.resume()
      return
    }
    if (this.#stream?.write(redacted) !== false) return
    this.#isPaused = true
    control.pause()
    this.#writeTimeout.start(streamWriteTimeoutMillis)
    this.#options.response.once("drain", () => {
      this.#isPaused = false
      this.#writeTimeout.stop()
      control.resume()
    })
  }

  onResponseEnd(): void {
    clearTimeout(this.#endTimer)
    if (this.#ended) return
    const rewriter = this.#rewriter
    if (rewriter === undefined) {
      this.#end(this.#wholeBody())
      return
    }
    const rest = rewriter.end() ?? noBytes
    if (rewriter.isTruncated) this.#failUpstream("ended its response in the middle of an event")
    else this.#end(redactKey(this.#options.upstream, rest))
  }

  #end(last: Buffer): void {
    this.#last = last
    if (this.#rewriter !== undefined) this.usage = this.#rewriter.usage
    this.#finish()
    this.#options.onEnd(undefined)
  }

  /** Writes the end of the response. Call it once, after `onEnd` without an error. */
  send(): void {
    const { response } = this.#options
    // The caller has just left, and its request is about to be interrupted.
    if (response.destroyed) return
    if (this.#stream === undefined) this.#writeBody(this.#last)
    else this.#stream.end(this.#last)
    this.#last = noBytes
    if (response.writableLength > 0)
      this.#writeTimeout.start(this.isStream ? streamWriteTimeoutMillis : bodyWriteTimeoutMillis)
  }

  #writeBody(body: Buffer): void {
    const { response } = this.#options
    const status = this.status ?? 502
    if (status === 204 || status === 304) {
      response.writeHead(status, this.#headers).end()
      return
    }
    this.#headers.push("content-length", String(body.length))
    response.writeHead(status, this.#headers)
    // Node writes headers and a short text in one piece; bytes would be copied first.
    if (body.length < oneWriteBytes) response.end(body.toString("latin1"), "latin1")
    else this.#endBuffered(body)
  }

  /** Counts the body as buffered until the caller has read it, so that slow callers stay within the bound. */
  #endBuffered(body: Buffer): void {
    const { buffered, response } = this.#options
    // Its chunks were counted until a moment ago, so it fits.
    buffered.add(body.length)
    response.once("close", () => buffered.remove(body.length))
    response.end(body)
  }

  onResponseError(_control: Control | null, error: Error): void {
    clearTimeout(this.#endTimer)
    if (this.#ended) return
    const failure = failureOf(error, this.#wasSent)
    if (failure.isRetryable && this.#attempts === 1) {
      setImmediate(() => this.#ended || this.begin())
      return
    }
    this.failure = failure
    const { provider, redact } = this.#options.upstream
    this.#refuse(
      failure.kind,
      failureRefusal(failure, (description) => redact(`the provider ${JSON.stringify(provider)} ${description}`)),
    )
  }

  /** Ends the call because the provider broke the protocol or a bound. */
  #failUpstream(description: string): void {
    this.onResponseError(null, new Error(description))
  }

  #refuse(kind: string, refusal: ApiError): void {
    this.error = kind
    this.#finish()
    this.#control?.abort(new Error(kind))
    if (this.#rewriter === undefined) {
      this.#options.onEnd(refusal)
      return
    }
    // The status is sent already, so the last event carries the error, without `[DONE]`. The line feed ends a partial event.
    this.#end(
      Buffer.from(`\n${Sse.encoder.write({ _tag: "Event", id: undefined, event: "message", data: refusal.json })}`),
    )
  }

  #finish(): void {
    this.#ended = true
    this.#chunks = []
    this.#rewriter?.release()
    if (this.#rewriter?.hasError === true) this.error ??= "upstream"
    this.#options.buffered.remove(this.#bufferedBytes)
    this.#bufferedBytes = 0
  }

  #buffer(chunk: Buffer): void {
    if (this.bytesReceived > maxBodyBytes || !this.#options.buffered.tryAdd(chunk.length)) {
      this.#failUpstream(
        `sent a response larger than ${maxBodyBytes / mib} MiB, or this host buffers ${maxBufferedBytes / mib} MiB already`,
      )
      return
    }
    this.#bufferedBytes += chunk.length
    this.#chunks.push(chunk)
  }

  /** The body with the alias as model name and without the provider's key. */
  #wholeBody(): Buffer {
    const { alias, upstream } = this.#options
    const bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)
    if (!this.#isJson) return redactKeyInError(upstream, bytes)
    const members = new JsonMembers()
    const isObject = members.scan(bytes, 0, bytes.length)
    // Some providers send errors with status 200. For other statuses the ledger has the status itself.
    if (this.status! < 300 && this.status !== 204 && (!isObject || members.hasError)) this.error = "upstream"
    if (members.usageStart !== -1) this.usage = bytes.subarray(members.usageStart, members.usageEnd)
    const body = renamed(bytes, 0, bytes.length, namesIn(bytes, members), jsonName(alias))
    return this.status! >= 300 ? redactKeyInError(upstream, body) : redactKey(upstream, body)
  }
}

/** undici returns a list for a repeated header, which the types omit. */
const first = (value: string | ReadonlyArray<string> | undefined): string | undefined =>
  typeof value === "object" ? value[0] : value
