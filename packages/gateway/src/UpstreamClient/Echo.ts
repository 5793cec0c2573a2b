/**
 * Answers with the words of the last user message, for trying things without a key or a network. The same request gets the same answer.
 * A token is a word: what stands between white space. `n`, `stop`, `max_tokens`, `max_completion_tokens` and `stream_options.include_usage`
 * mean what they mean at OpenAI's; everything else is ignored.
 */
import type { IncomingHttpHeaders } from "node:http"
import { Clock, Effect, Result, Schema } from "effect"
import type { Control, Listener, Upstream } from "./Exchange.ts"

/** As at OpenAI's. */
const maxChoices = 128

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
  stop: Schema.optionalKey(Schema.NullOr(Schema.Union([Schema.String, Schema.Array(Schema.String)]))),
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
      load: { underWay: 0 },
      conceal: (text) => text,
      secret: undefined,
      chatCompletions: (body, _headers, listener) => {
        const player = new Player(listener)
        listener.onRequestStart(player)
        const request = decode(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString())
        if (Result.isFailure(request)) return player.play(400, json, [refusal(request.failure.message)])
        const reply = replyTo(request.success, Math.floor(clock.currentTimeMillisUnsafe() / 1_000))
        if (request.success.stream === true) player.play(200, eventStream, eventsOf(request.success, reply))
        else player.play(200, json, [JSON.stringify(completionOf(request.success, reply))])
      },
    }
  })

const json: IncomingHttpHeaders = { "content-type": "application/json" }
const eventStream: IncomingHttpHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
}

/** Plays texts to a listener, as fast as it wants them, and lets others have their turn between. */
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
  readonly words: ReadonlyArray<string>
  readonly finishReason: "stop" | "length"
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number; readonly total_tokens: number }
}

const replyTo = (request: Request, created: number): Reply => {
  const texts = request.messages.map(({ content }) => textOf(content))
  const last = request.messages.findLastIndex(({ role }) => role === "user")
  let answer = texts[last === -1 ? texts.length - 1 : last] ?? ""
  for (const stop of typeof request.stop === "string" ? [request.stop] : (request.stop ?? [])) {
    const at = stop === "" ? -1 : answer.indexOf(stop)
    if (at !== -1) answer = answer.slice(0, at)
  }
  const all = wordsOf(answer)
  const limit = request.max_completion_tokens ?? request.max_tokens ?? all.length
  const words = all.slice(0, limit)
  const prompt = texts.reduce((sum, text) => sum + wordsOf(text).length, 0)
  const completion = words.length * (request.n ?? 1)
  return {
    id: `chatcmpl-echo-${checksum(texts.join("\n"))}`,
    created,
    words,
    finishReason: words.length < all.length ? "length" : "stop",
    usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
  }
}

const completionOf = (request: Request, { created, finishReason, id, usage, words }: Reply) => ({
  id,
  object: "chat.completion",
  created,
  model: request.model,
  choices: Array.from({ length: request.n ?? 1 }, (_, index) => ({
    index,
    message: { role: "assistant", content: words.join(""), refusal: null },
    logprobs: null,
    finish_reason: finishReason,
  })),
  usage,
})

function* eventsOf(request: Request, { created, finishReason, id, usage, words }: Reply): Generator<string> {
  const withUsage = request.stream_options?.include_usage === true
  const event = (choices: ReadonlyArray<object>, counted: object | null = null) =>
    `data: ${JSON.stringify({ id, object: "chat.completion.chunk", created, model: request.model, choices, ...(withUsage ? { usage: counted } : {}) })}\n\n`
  const choice = (index: number, delta: object, finish_reason: string | null = null) => [
    { index, delta, logprobs: null, finish_reason },
  ]
  for (let index = 0; index < (request.n ?? 1); index++) {
    yield event(choice(index, { role: "assistant", content: "" }))
    for (const content of words) yield event(choice(index, { content }))
    yield event(choice(index, {}, finishReason))
  }
  if (withUsage) yield event([], usage)
  yield "data: [DONE]\n\n"
}

const textOf = (content: Request["messages"][number]["content"]): string =>
  typeof content === "string" ? content : (content ?? []).map(({ text = "" }) => text).join("")

/** Each with the white space that follows it, so that they join to the text. */
const wordsOf = (text: string): ReadonlyArray<string> => text.match(/^\s*\S+\s*|\S+\s*/g) ?? []

const refusal = (problem: string): string =>
  JSON.stringify({
    error: {
      message: `echo does not understand the request: ${problem.slice(0, 500)}`,
      type: "invalid_request_error",
      param: null,
      code: null,
    },
  })

/** FNV-1a, 32 bits. */
const checksum = (text: string): string => {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, "0")
}
