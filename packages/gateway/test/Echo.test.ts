import { assert, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import type { ChatCompletionCreateParamsNonStreaming } from "openai/resources"
import type { Control, Listener } from "../src/internal/Exchange.ts"
import * as Echo from "../src/internal/UpstreamClient/Echo.ts"
import { ask, gateway, openai } from "./GatewayHost.ts"
import { errorIn, raw } from "./Raw.ts"

const live = <R>(title: string, test: () => Effect.Effect<void, unknown, R>) =>
  it.live(
    title,
    () =>
      test().pipe(
        Effect.provide(
          gateway({
            providers: { echo: { kind: "echo" } },
            models: { fast: { provider: "echo", upstream: "echo-1" } },
          }),
        ),
        Effect.scoped,
      ) as Effect.Effect<void, unknown, Scope.Scope>,
  )

const create = (request: Omit<ChatCompletionCreateParamsNonStreaming, "model">) =>
  Effect.flatMap(openai(), (client) =>
    Effect.promise(() => client.chat.completions.create({ model: "fast", ...request })),
  )

live("repeats the last user message, always with the same id, and counts words as tokens", () =>
  Effect.gen(function* () {
    const messages = [
      { role: "system" as const, content: "be brief" },
      { role: "user" as const, content: "first" },
      { role: "assistant" as const, content: "first" },
      {
        role: "user" as const,
        content: [
          { type: "text" as const, text: "two " },
          { type: "text" as const, text: "words" },
        ],
      },
    ]
    const response = yield* create({ messages })
    assert.strictEqual(response.model, "fast")
    assert.strictEqual(response.choices[0]?.message.content, "two words")
    assert.strictEqual(response.choices[0]?.finish_reason, "stop")
    assert.deepInclude(response.usage, { prompt_tokens: 6, completion_tokens: 2, total_tokens: 8 })
    assert.strictEqual((yield* create({ messages })).id, response.id)
  }),
)

live("respects n, stop and the token limits", () =>
  Effect.gen(function* () {
    const response = yield* create({
      messages: ask("one two three STOP four").messages,
      n: 2,
      stop: "STOP",
      max_tokens: 2,
    })
    assert.deepStrictEqual(
      response.choices.map(({ finish_reason, index, message }) => [index, message.content, finish_reason]),
      [
        [0, "one two ", "length"],
        [1, "one two ", "length"],
      ],
    )
    assert.strictEqual(response.usage?.completion_tokens, 4)
    const stopped = yield* create({ messages: ask("one STOP two END").messages, stop: ["END", "STOP"] })
    assert.strictEqual(stopped.choices[0]?.message.content, "one ")
  }),
)

live("streams word by word, with the usage on request", () =>
  Effect.gen(function* () {
    const client = yield* openai()
    const text = `  leading ${"words and more of them ".repeat(100)}end`
    const chunks = yield* Effect.promise(async () => {
      const stream = await client.chat.completions.create({
        ...ask(text),
        stream: true,
        stream_options: { include_usage: true },
      })
      const read = []
      for await (const chunk of stream) read.push(chunk)
      return read
    })
    assert.strictEqual(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join(""), text)
    assert.isTrue(chunks.every(({ model }) => model === "fast"))
    assert.strictEqual(chunks.length, 502 + 3)
    assert.deepInclude(chunks.at(-1)?.usage, { prompt_tokens: 502, completion_tokens: 502 })
  }),
)

live("names the part of a request that it cannot process", () =>
  Effect.gen(function* () {
    const response = yield* raw({ body: JSON.stringify({ model: "fast", messages: [] }) })
    assert.strictEqual(response.status, 400)
    assert.include(errorIn(response).message, "messages")
  }),
)

live("refuses responses that would not fit into memory", () =>
  Effect.gen(function* () {
    const { messages } = ask("x".repeat(1024 * 1024))
    const many = yield* raw({ body: JSON.stringify({ model: "fast", n: 128, messages }) })
    assert.strictEqual(many.status, 400)
    assert.include(errorIn(many).message, "send less")
    const stops = yield* raw({ body: JSON.stringify({ ...ask("x"), model: "fast", stop: ["a", "b", "c", "d", "e"] }) })
    assert.deepStrictEqual([stops.status, errorIn(stops).type], [400, "invalid_request_error"])
    const spaces = yield* create({ ...ask(" ".repeat(1024 * 1024)), max_tokens: 1 })
    assert.deepStrictEqual(
      spaces.choices.map(({ finish_reason, message }) => [finish_reason, message.content]),
      [["stop", ""]],
    )
  }),
)

it.effect("waits while its listener is paused, and stops when the listener aborts", () =>
  Effect.gen(function* () {
    const upstream = yield* Echo.make("echo")
    const body = Buffer.from(JSON.stringify({ ...ask("one two three four five"), stream: true }))
    const received: Array<string> = []
    let control: Control | undefined
    const note = (event: string) => void received.push(event)
    upstream.chatCompletions?.(body, [], {
      onRequestStart: (current) => {
        control = current
      },
      onResponseStart: () => note("start"),
      onResponseData: (current, chunk) => {
        note(chunk.toString().includes('"role"') ? "role" : "word")
        if (received.length === 3) current.pause()
      },
      onResponseEnd: () => note("end"),
      onResponseError: () => note("error"),
    })
    const turn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
    yield* turn
    assert.deepStrictEqual(received, ["start", "role", "word"])
    control?.resume()
    yield* turn
    assert.deepStrictEqual(received.slice(3), ["word", "word", "word", "word", "word", "word", "end"])

    received.length = 0
    const stopped: Listener = {
      onRequestStart: () => undefined,
      onResponseStart: (current) => {
        note("start")
        current.abort(new Error("gone"))
      },
      onResponseData: () => note("data"),
      onResponseEnd: () => note("end"),
      onResponseError: () => note("error"),
    }
    upstream.chatCompletions?.(body, [], stopped)
    yield* turn
    assert.deepStrictEqual(received, ["start", "error"])
  }),
)
