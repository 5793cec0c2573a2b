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

/** One event, or other lines of a stream, before and after rewriting. */
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
  // One JSON text in several lines.
  const split = (model: string) =>
    `{"id":1,${lineEnd}${data}"model":${model}${lineEnd}${data}${lineEnd}${data},"z":[{"model":"inner"}]}`
  return { before: event(split('"gpt-4o"')), after: event(split('"alias"')) }
}

const fresh = (random: Generator, seed: number): Generator => new (random.constructor as typeof Generator)(seed)

it("puts the alias into every event and keeps all other bytes, for any spelling and chunks", () => {
  generated(4_000, (random) => {
    const lineEnd = random.pick(["\n", "\r\n", "\r"])
    const pieces = random.times(6, () => piece(random, lineEnd))
    const mark = random.chance(0.1) ? "\uFEFF" : ""
    const bytes = Buffer.from(mark + pieces.map(({ before }) => before).join(""))
    const cuts = random.times(12, () => random.below(bytes.length + 1)).sort((left, right) => left - right)
    assert.strictEqual(rewrite(bytes, cuts), mark + pieces.map(({ after }) => after).join(""))
  })
})

it("rewrites a stream that arrives byte by byte", () => {
  const text =
    ': hi\r\n\r\ndata: {"id":"ü😀","model":"gpt"}\r\n\r\ndata:{"model":"gpt",\ndata:"a":1}\n\ndata: [DONE]\n\n'
  const bytes = Buffer.from(text)
  const every = Array.from({ length: bytes.length - 1 }, (_, index) => index + 1)
  assert.strictEqual(rewrite(bytes, every), text.replaceAll('"gpt"', '"alias"'))
})

it("passes an event when it is complete, and a comment with its line", () => {
  const rewriter = new SseRewriter(jsonName("alias"), new BufferedBytes())
  const push = (text: string) => rewriter.push(Buffer.from(text))?.toString()
  assert.strictEqual(push(": still here\n"), ": still here\n")
  assert.isUndefined(push('data: {"model":"gpt"}'))
  assert.isUndefined(push("\n"))
  assert.strictEqual(push("\n"), 'data: {"model":"alias"}\n\n')
  assert.strictEqual(push('data: {"model":"gpt"}\r\r'), 'data: {"model":"alias"}\r\r')
})

it("passes an event that ends with the stream", () => {
  assert.strictEqual(rewrite(Buffer.from('data: {"model":"gpt"}'), []), 'data: {"model":"alias"}')
  assert.strictEqual(rewrite(Buffer.from('data: {"model":"gpt"}\n'), [5]), 'data: {"model":"alias"}\n')
})

it("keeps the last usage of a stream", () => {
  const rewriter = new SseRewriter(jsonName("alias"), new BufferedBytes())
  rewriter.push(Buffer.from('data: {"usage":{"completion_tokens":1}}\n\ndata: {"usage":{"completion_tokens":2}}\n\n'))
  rewriter.push(Buffer.from('data: {"usage":null}\n\ndata: [DONE]\n\n'))
  assert.strictEqual(rewriter.usage?.toString(), '{"completion_tokens":2}')
})

it("overruns at an event above the bound instead of buffering it", () => {
  const rewriter = new SseRewriter(jsonName("alias"), new BufferedBytes())
  const chunk = Buffer.alloc(1024 * 1024, "x")
  rewriter.push(Buffer.from("data: "))
  for (let bytes = 0; bytes + chunk.length <= maxEventBytes - 6; bytes += chunk.length) rewriter.push(chunk)
  assert.isFalse(rewriter.isOverrun)
  rewriter.push(chunk)
  assert.isTrue(rewriter.isOverrun)
  assert.isUndefined(rewriter.end())
})

it("counts the bytes of an incomplete event until it passes, overruns or is released", () => {
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

  // Without room, as with an event above the bound.
  for (const chunks of [[half], [Buffer.from("d"), half]]) {
    room.add(maxBufferedBytes - 1)
    const late = new SseRewriter(jsonName("alias"), room)
    for (const chunk of chunks) late.push(chunk)
    assert.isTrue(late.isOverrun)
    room.remove(maxBufferedBytes - 1)
    assert.isTrue(isFree())
  }
})

it("recognizes [DONE] with any line ends and neighbours, but not within other data", () => {
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
