/**
 * One call on its way: what the provider answers is written into the caller's response as it comes, under the alias, and counted. Nothing
 * in here is an effect; it is the path of every byte. The request is sent once; only one that was certainly not sent is tried a second time.
 * The end of an answer is the last thing: whoever has it whole finds it in the ledger.
 */
import type { IncomingHttpHeaders, ServerResponse } from "node:http"
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

/** Of an answer that is no stream: it is held until it is whole. */
export const maxBodyBytes = 32 * 1024 * 1024

const noBytes = Buffer.alloc(0)
const mib = 1024 * 1024

/** Answers below this leave as text. */
const oneWriteBytes = 16 * 1024

/** A caller that has taken nothing of a whole answer for so long is cut: all of it is held meanwhile. */
const bodyWriteTimeoutMillis = 60_000

/** Of a stream: as long as a provider may be silent. Meanwhile its generation is held, its provider waits, and little is buffered. */
const streamWriteTimeoutMillis = 300_000

/**
 * From `[DONE]` to the end of the provider's answer, which leaves its connection for the next request. It comes at once, or with a
 * packet that was lost and sent again; whoever leaves it out would keep one of `maxConnections` until `bodyTimeoutMillis`.
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
  /** The provider has begun to answer. */
  readonly onResponding: (() => void) | undefined
  /** The answer is there but for its end, which `send` writes, or this is to be answered instead; once, never after `leave`. */
  readonly onEnd: (refusal: ApiError | undefined) => void
}

export class Call implements Listener {
  /** What the ledger wants to know. */
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
  /** The provider waits for the caller. */
  #isPaused = false
  /** While the end of an answer is due of which nothing more is wanted. */
  #endTimer: NodeJS.Timeout | undefined = undefined
  /** The whole answer, or the last of a stream. */
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

  /** The caller has gone: so does the request, at once. */
  cancel(): void {
    if (this.#ended) return
    this.#finish()
    this.error ??= "aborted"
    this.#control?.abort(new Error("the caller has gone"))
  }

  /** The generation is released by force; a stream ends with an event that says so. */
  drain(message: string): void {
    if (this.#ended) return
    this.#refuse("drained", drained(message))
  }

  onRequestStart(control: Control): void {
    this.#control = control
    this.#wasSent = true
    // Who left while it was queued must not be served; to throw away the connection later would cost more.
    if (this.#ended) control.abort(new Error("the caller has gone"))
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
      // Hidden before it is cut: half a key is one too.
      this.#failUpstream(`answered in an encoding that was not asked for (${upstream.redact(encoding).slice(0, 40)})`)
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
    // With the first event, if that is there already; else the caller need not wait to see that there will be an answer.
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
    // What follows the end may be as long as it likes.
    if (rewriter.isOverrun && !rewriter.isDone) {
      this.#failUpstream(
        `sent an event that cannot be buffered: it is longer than ${maxEventBytes / mib} MiB, or ${maxBufferedBytes / mib} MiB are buffered already`,
      )
      return
    }
    if (complete === undefined) return
    const redacted = redactKey(this.#options.upstream, complete)
    if (rewriter.isDone) {
      // Who has this event waits for nothing else.
      this.#end(redacted)
      this.#endTimer = setTimeout(() => control.abort(new Error("did not end its answer")), endTimeoutMillis).unref()
      // Nothing is left to be taken in time: it may end its answer, and so give back its connection.
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
    if (rewriter.isTruncated) this.#failUpstream("ended its answer in the middle of an event")
    else this.#end(redactKey(this.#options.upstream, rest))
  }

  #end(last: Buffer): void {
    this.#last = last
    if (this.#rewriter !== undefined) this.usage = this.#rewriter.usage
    this.#finish()
    this.#options.onEnd(undefined)
  }

  /** Writes the end of the answer; once, after `onEnd` without a refusal. */
  send(): void {
    const { response } = this.#options
    // To a caller that has just gone nothing can be written; its request is about to be interrupted.
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
    // A short text leaves with the head in one write; as bytes both would be gathered first.
    if (body.length < oneWriteBytes) response.end(body.toString("latin1"), "latin1")
    else this.#endBuffered(body)
  }

  /** Counts until it has been read: who never does must neither fill the memory nor, for ever, the place of others. */
  #endBuffered(body: Buffer): void {
    const { buffered, response } = this.#options
    // It was counted a moment ago, as the chunks that it was made of.
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

  /** The provider does what nobody can follow. */
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
    // What has begun cannot take another status: the last event says it, and there is no [DONE]. Whatever stands there of another ends first.
    this.#end(Buffer.from(`\ndata: ${refusal.json}\n\n`))
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
      this.#failUpstream(`sent more than can be buffered (${maxBodyBytes / 1024 / 1024} MiB)`)
      return
    }
    this.#bufferedBytes += chunk.length
    this.#chunks.push(chunk)
  }

  /** The answer under the alias, and without the provider's key. */
  #wholeBody(): Buffer {
    const { alias, upstream } = this.#options
    const bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)
    if (!this.#isJson) return redactKeyInError(upstream, bytes)
    const members = new JsonMembers()
    const isObject = members.scan(bytes, 0, bytes.length)
    // Some tell of an error under 200. Of another status the ledger has the status.
    if (this.status! < 300 && this.status !== 204 && (!isObject || members.hasError)) this.error = "upstream"
    if (members.usageStart !== -1) this.usage = bytes.subarray(members.usageStart, members.usageEnd)
    const body = renamed(bytes, 0, bytes.length, namesIn(bytes, members), jsonName(alias))
    return this.status! >= 300 ? redactKeyInError(upstream, body) : redactKey(upstream, body)
  }
}

/** Of a header that was sent several times undici makes a list, which the types do not say. */
const first = (value: string | ReadonlyArray<string> | undefined): string | undefined =>
  typeof value === "object" ? value[0] : value
