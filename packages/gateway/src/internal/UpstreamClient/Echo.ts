/**
 * A provider that repeats the last user message, for trials without a key or a network. The same request always gets the same response. A token is a
 * word between white space. `n`, `stop`, `max_tokens`, `max_completion_tokens` and `stream_options.include_usage` work as at OpenAI; all other
 * parameters are ignored.
 */
import type { IncomingHttpHeaders } from "node:http"
import { Clock, Effect, Result, Schema } from "effect"
import * as Sse from "effect/encoding/Sse"
import type { Control, Listener, Upstream } from "../Exchange.ts"

/** OpenAI's limits. */
const maxChoices = 128
const maxStops = 4

/** Characters of a response that is not a stream, all choices together. The gateway would not forward more. */
const maxWholeLength = 32 * 1024 * 1024

const Part = Schema.Struct({ type: Schema.String, text: Schema.optionalKey(Schema.String) })
const Limit = Schema.optionalKey(Schema.NullOr(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))))
const Request = Schema.Struct({
  model: Schema.String,
  messages: Schema.Array(
    Schema.Struct({
      role: Schema.String,
      content: Schema.optionalKey(Schema.NullOr(Schema.Union([Schema.String, Schema.Array(Part)]))),
    }),
  ).check(Schema.isMinLength(1)),
  stream: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
  stream_options: Schema.optionalKey(
    Schema.NullOr(Schema.Struct({ include_usage: Schema.optionalKey(Schema.NullOr(Schema.Boolean)) })),
  ),
  n: Schema.optionalKey(Schema.NullOr(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxChoices })))),
  stop: Schema.optionalKey(
    Schema.NullOr(Schema.Union([Schema.String, Schema.Array(Schema.String).check(Schema.isMaxLength(maxStops))])),
  ),
  max_tokens: Limit,
  max_completion_tokens: Limit,
})
type Request = typeof Request.Type

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(Request))

export const make = (name: string): Effect.Effect<Upstream> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    return {
      provider: name,
      kind: "echo",
      load: { inFlight: 0 },
      keyStatus: { isRefused: false },
      redact: (text) => text,
      secret: undefined,
      chatCompletions: (body, _headers, listener) => {
        const player = new Player(listener)
        listener.onRequestStart(player)
        const request = decode(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString())
        if (Result.isFailure(request)) return player.play(400, json, [refusal(request.failure.message)])
        const reply = replyTo(request.success, Math.floor(clock.currentTimeMillisUnsafe() / 1_000))
        if (request.success.stream === true) player.play(200, eventStream, eventsOf(request.success, reply))
        else if (reply.text.length * (request.success.n ?? 1) > maxWholeLength) player.play(400, json, [tooLong])
        else player.play(200, json, [JSON.stringify(completionOf(request.success, reply))])
      },
    }
  })

const json: IncomingHttpHeaders = { "content-type": "application/json" }
const eventStream: IncomingHttpHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
}

/** Sends texts to a listener at the listener's pace, and yields to other work in between. */
class Player implements Control {
  readonly #listener: Listener
  #texts: Iterator<string> | undefined
  #paused = false
  #ended = false
  #scheduled = false

  constructor(listener: Listener) {
    this.#listener = listener
  }

  play(status: number, headers: IncomingHttpHeaders, texts: Iterable<string>): void {
    if (this.#ended) return
    this.#texts = texts[Symbol.iterator]()
    this.#listener.onResponseStart(this, status, headers)
    this.#next()
  }

  abort(reason: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#listener.onResponseError(this, reason)
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled || this.#texts === undefined) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#next()
    })
  }

  #next(): void {
    for (let i = 0; i < textsPerTurn; i++) {
      if (this.#ended || this.#paused || this.#texts === undefined) return
      const text = this.#texts.next()
      if (text.done === true) {
        this.#ended = true
        this.#listener.onResponseEnd()
        return
      }
      this.#listener.onResponseData(this, Buffer.from(text.value))
    }
    this.#schedule()
  }
}
const textsPerTurn = 64

interface Reply {
  readonly id: string
  readonly created: number
  readonly text: string
  readonly finishReason: "stop" | "length"
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number; readonly total_tokens: number }
}

const replyTo = (request: Request, created: number): Reply => {
  const texts = request.messages.map(({ content }) => textOf(content))
  const last = request.messages.findLastIndex(({ role }) => role === "user")
  let reply = texts[last === -1 ? texts.length - 1 : last] ?? ""
  for (const stop of typeof request.stop === "string" ? [request.stop] : (request.stop ?? [])) {
    const at = stop === "" ? -1 : reply.indexOf(stop)
    if (at !== -1) reply = reply.slice(0, at)
  }
  const limit = request.max_completion_tokens ?? request.max_tokens ?? Number.POSITIVE_INFINITY
  const { count, end } = countWords(reply, limit)
  const prompt = texts.reduce((sum, text) => sum + countWords(text).count, 0)
  const completion = count * (request.n ?? 1)
  return {
    id: `chatcmpl-echo-${checksum(texts.join("\n"))}`,
    created,
    text: reply.slice(0, end),
    finishReason: /\S/.test(reply.slice(end)) ? "length" : "stop",
    usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
  }
}

const completionOf = (request: Request, { created, finishReason, id, text, usage }: Reply) => ({
  id,
  object: "chat.completion",
  created,
  model: request.model,
  choices: Array.from({ length: request.n ?? 1 }, (_, index) => ({
    index,
    message: { role: "assistant", content: text, refusal: null },
    logprobs: null,
    finish_reason: finishReason,
  })),
  usage,
})

function* eventsOf(request: Request, { created, finishReason, id, text, usage }: Reply): Generator<string> {
  const withUsage = request.stream_options?.include_usage === true
  const event = (choices: ReadonlyArray<object>, counted: object | null = null) =>
    sse(
      JSON.stringify({
        id,
        object: "chat.completion.chunk",
        created,
        model: request.model,
        choices,
        ...(withUsage ? { usage: counted } : {}),
      }),
    )
  const choice = (index: number, delta: object, finish_reason: string | null = null) => [
    { index, delta, logprobs: null, finish_reason },
  ]
  for (let index = 0; index < (request.n ?? 1); index++) {
    yield event(choice(index, { role: "assistant", content: "" }))
    for (const content of wordsOf(text)) yield event(choice(index, { content }))
    yield event(choice(index, {}, finishReason))
  }
  if (withUsage) yield event([], usage)
  yield sse("[DONE]")
}

const sse = (data: string): string => Sse.encoder.write({ _tag: "Event", id: undefined, event: "message", data })

const textOf = (content: Request["messages"][number]["content"]): string =>
  typeof content === "string" ? content : (content ?? []).map(({ text = "" }) => text).join("")

/** A word with the white space after it; the first word also has the white space before it. */
const wordPattern = /^\s*\S+\s*|\S+\s*/g

/** Yields words that join to the text, one by one: an array of millions of words would take gigabytes. */
function* wordsOf(text: string): Generator<string> {
  const word = new RegExp(wordPattern)
  for (let start = 0; word.test(text); start = word.lastIndex) yield text.slice(start, word.lastIndex)
}

/** Counts up to `limit` words, and returns the end of the last one. */
const countWords = (text: string, limit = Number.POSITIVE_INFINITY) => {
  const word = new RegExp(wordPattern)
  let count = 0
  let end = 0
  while (count < limit && word.test(text)) {
    count++
    end = word.lastIndex
  }
  return { count, end }
}

const refusal = (problem: string): string =>
  JSON.stringify({
    error: {
      message: `echo cannot process the request: ${problem.slice(0, 500)}`,
      type: "invalid_request_error",
      param: null,
      code: null,
    },
  })

const tooLong = refusal(`the response, \`n\` times, has more than ${maxWholeLength} characters; send less, or stream`)

/** FNV-1a, 32 bits. */
const checksum = (text: string): string => {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, "0")
}
