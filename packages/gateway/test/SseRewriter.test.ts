import { assert, it } from "@effect/vitest"
import { jsonName } from "../src/internal/Gateway/ModelName.ts"
import { BufferedBytes, maxBufferedBytes } from "../src/internal/Gateway/RequestBody.ts"
import { maxEventBytes, SseRewriter } from "../src/internal/Gateway/SseRewriter.ts"
import { type Generator, generated, jsonText, objectText } from "./Generated.ts"

const rewrite = (bytes: Buffer, cuts: ReadonlyArray<number>, alias = "alias"): string => {
  const rewriter = new SseRewriter(jsonName(alias), new BufferedBytes())
  const out: Array<Buffer> = []
  let from = 0
  for (const to of [...cuts, bytes.length]) {
    const passed = rewriter.push(Buffer.from(bytes.subarray(from, to)))
    if (passed !== undefined) out.push(Buffer.from(passed))
    from = to
  }
  const rest = rewriter.end()
  if (rest !== undefined) out.push(rest)
  return Buffer.concat(out).toString()
}

interface Line {
  readonly before: string
  readonly after: string
}
const same = (text: string): Line => ({ before: text, after: text })

/** One event, or something between events, and what must come of it. */
const piece = (random: Generator, lineEnd: string): Line => {
  const kind = random.below(6)
  const data = random.pick(["data:", "data: "])
  if (kind === 0)
    return same(`:${random.pick(["", " keep-alive", " ünïcödé 😀"])}${lineEnd}${random.chance(0.5) ? lineEnd : ""}`)
  if (kind === 1) return same(`${data}[DONE]${lineEnd}${lineEnd}`)
  if (kind === 2)
    return same(
      `${random.pick(["event: ping", "id: 7", "retry: 5", "data", 'dataset: {"model":"x"}'])}${lineEnd}${lineEnd}`,
    )
  if (kind === 3)
    return same(`${data}${random.pick(['{"model":"x"', "no JSON", "[1,2]", '"model"', ""])}${lineEnd}${lineEnd}`)
  const members = random.times(4, () => [random.pick(["id", "choices", "a"]), jsonText(random)] as const)
  const at = random.below(members.length + 1)
  const seed = random.below(2 ** 31)
  const make = (model: string) =>
    objectText(fresh(random, seed), [...members.slice(0, at), ["model", model], ...members.slice(at)])
  const head = random.chance(0.2) ? `event: message${lineEnd}` : ""
  const tail = random.chance(0.2) ? `${lineEnd}id: 9` : ""
  const event = (json: string) => `${head}${data}${json}${tail}${lineEnd}${lineEnd}`
  if (kind === 4) return { before: event(make('"gpt-4o"')), after: event(make('"alias"')) }
  // One JSON text on several lines.
  const split = (model: string) =>
    `{"id":1,${lineEnd}${data}"model":${model}${lineEnd}${data}${lineEnd}${data},"z":[{"model":"inner"}]}`
  return { before: event(split('"gpt-4o"')), after: event(split('"alias"')) }
}

const fresh = (random: Generator, seed: number): Generator => new (random.constructor as typeof Generator)(seed)

it("every event comes under the alias and all else unchanged, however the stream is spelled and cut", () => {
  generated(4_000, (random) => {
    const lineEnd = random.pick(["\n", "\r\n", "\r"])
    const pieces = random.times(6, () => piece(random, lineEnd))
    const mark = random.chance(0.1) ? "\uFEFF" : ""
    const bytes = Buffer.from(mark + pieces.map(({ before }) => before).join(""))
    const cuts = random.times(12, () => random.below(bytes.length + 1)).sort((left, right) => left - right)
    assert.strictEqual(rewrite(bytes, cuts), mark + pieces.map(({ after }) => after).join(""))
  })
})

it("a stream that is cut at every byte is the same", () => {
  const text =
    ': hi\r\n\r\ndata: {"id":"ü😀","model":"gpt"}\r\n\r\ndata:{"model":"gpt",\ndata:"a":1}\n\ndata: [DONE]\n\n'
  const bytes = Buffer.from(text)
  const every = Array.from({ length: bytes.length - 1 }, (_, index) => index + 1)
  assert.strictEqual(rewrite(bytes, every), text.replaceAll('"gpt"', '"alias"'))
})

it("an event passes as soon as it is whole, a comment as soon as its line is", () => {
  const rewriter = new SseRewriter(jsonName("alias"), new BufferedBytes())
  const push = (text: string) => rewriter.push(Buffer.from(text))?.toString()
  assert.strictEqual(push(": still here\n"), ": still here\n")
  assert.isUndefined(push('data: {"model":"gpt"}'))
  assert.isUndefined(push("\n"))
  assert.strictEqual(push("\n"), 'data: {"model":"alias"}\n\n')
  assert.strictEqual(push('data: {"model":"gpt"}\r\r'), 'data: {"model":"alias"}\r\r')
})

it("an event that ends with the stream is passed on all the same", () => {
  assert.strictEqual(rewrite(Buffer.from('data: {"model":"gpt"}'), []), 'data: {"model":"alias"}')
  assert.strictEqual(rewrite(Buffer.from('data: {"model":"gpt"}\n'), [5]), 'data: {"model":"alias"}\n')
})

it("the last usage of a stream is kept", () => {
  const rewriter = new SseRewriter(jsonName("alias"), new BufferedBytes())
  rewriter.push(Buffer.from('data: {"usage":{"completion_tokens":1}}\n\ndata: {"usage":{"completion_tokens":2}}\n\n'))
  rewriter.push(Buffer.from('data: {"usage":null}\n\ndata: [DONE]\n\n'))
  assert.strictEqual(rewriter.usage?.toString(), '{"completion_tokens":2}')
})

it("an event beyond the bound ends the stream instead of filling the memory", () => {
  const rewriter = new SseRewriter(jsonName("alias"), new BufferedBytes())
  const chunk = Buffer.alloc(1024 * 1024, "x")
  rewriter.push(Buffer.from("data: "))
  for (let bytes = 0; bytes + chunk.length <= maxEventBytes - 6; bytes += chunk.length) rewriter.push(chunk)
  assert.isFalse(rewriter.isOverrun)
  rewriter.push(chunk)
  assert.isTrue(rewriter.isOverrun)
  assert.isUndefined(rewriter.end())
})

it("what is held back of an event takes of the room for all, until it passes, overruns or nobody wants it", () => {
  const room = new BufferedBytes()
  const isFree = () => {
    const taken = room.tryAdd(maxBufferedBytes)
    if (taken) room.remove(maxBufferedBytes)
    return taken
  }
  const half = Buffer.from('data: {"model":')
  const rewriter = new SseRewriter(jsonName("alias"), room)
  rewriter.push(half)
  assert.isFalse(room.tryAdd(maxBufferedBytes - half.length + 1))
  rewriter.push(Buffer.from('"gpt"'))
  rewriter.push(Buffer.from("}\n\n: "))
  assert.isFalse(room.tryAdd(maxBufferedBytes - 1))
  rewriter.end()
  assert.isTrue(isFree())
  rewriter.push(half)
  rewriter.release()
  assert.isTrue(isFree())

  // Where there is no room, as where the event is too long.
  for (const chunks of [[half], [Buffer.from("d"), half]]) {
    room.add(maxBufferedBytes - 1)
    const late = new SseRewriter(jsonName("alias"), room)
    for (const chunk of chunks) late.push(chunk)
    assert.isTrue(late.isOverrun)
    room.remove(maxBufferedBytes - 1)
    assert.isTrue(isFree())
  }
})

it("[DONE] is known however its lines end, whatever stands around it, and not where it is a part of something", () => {
  for (const text of [
    "data: [DONE]\n\n",
    "data:[DONE]\r\n\r\n",
    "data: [DONE]\r\r",
    "event: end\ndata: [DONE] \n\n",
    'data: {"a":1}\n\ndata: [DONE]\n\ndata: {"model":',
  ]) {
    const rewriter = new SseRewriter(jsonName("alias"), new BufferedBytes())
    rewriter.push(Buffer.from(text))
    assert.isTrue(rewriter.isDone, text)
  }
  for (const text of ["data: [DONE]\n", "data: x\ndata: [DONE]\n\n", "xdata: [DONE]\n\n", 'data: {"a":"[DONE]"}\n\n']) {
    const rewriter = new SseRewriter(jsonName("alias"), new BufferedBytes())
    rewriter.push(Buffer.from(text))
    assert.isFalse(rewriter.isDone, text)
  }
})
