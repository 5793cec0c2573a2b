/**
 * One alias of 10,000 changes: from the text in hand to the loaded document and its difference, against a `JSON.parse` of the same text. The full
 * path is what a change in two places takes; the fast path what a change in one place takes.
 */
import { createHash } from "node:crypto"
import { ConfigDocument, type Layers, type Loaded } from "@signalbox/core/ConfigDocument"
import { Effect, Result, Schema } from "effect"
import { interleave, report } from "./measure.ts"

const aliasCount = 10_000

const fields = {
  upstream: Schema.String,
  enabled: Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(true))),
}
const allowedKeys = Schema.Array(Schema.String).pipe(Schema.withDecodingDefaultKey(Effect.succeed(["*"])))

/** As the document spells it. */
export const plainSchema = Schema.Struct({
  models: Schema.Record(Schema.String, Schema.Struct({ ...fields, allowed_keys: allowedKeys })),
})

/** As TypeScript spells it. */
export const renamedSchema = Schema.Struct({
  models: Schema.Record(
    Schema.String,
    Schema.Struct({ ...fields, allowedKeys }).pipe(Schema.encodeKeys({ allowedKeys: "allowed_keys" })),
  ),
})

const alias = (index: number, edition: number) => ({
  upstream: `provider-${index % 7}/some-vendor/model-name-${index}-${edition}`,
  // the defaults are not spelled out everywhere
  ...(index % 3 === 0 ? {} : { enabled: index % 5 !== 0 }),
  ...(index % 2 === 0 ? {} : { allowed_keys: ["team-a", `team-${index % 50}`] }),
})

export interface Variant {
  /** Each differs from its neighbours in one alias. */
  readonly one: ReadonlyArray<string>
  /** Each differs from its neighbours in one alias and in white space far away from it. */
  readonly two: ReadonlyArray<string>
}

/** Documents of about 1.5 MB; the alias that changes stands two thirds down. */
export const documents = (comments: boolean): Variant => {
  const changed = Math.floor((aliasCount * 2) / 3)
  const texts = Array.from({ length: 8 }, (_, edition) => {
    const names = Array.from({ length: aliasCount }, (_, index) => index)
    const models = Object.fromEntries(
      names.map((index) => [`alias-${index}`, alias(index, index === changed ? edition : 0)]),
    )
    const text = JSON.stringify({ version: 1, models }, undefined, 2)
    return comments ? text.replaceAll(/("upstream": "[^"]*7-0")/g, "$1 /* seven, */") : text
  })
  return { one: texts, two: texts.map((text, index) => `${text.slice(0, 1)}${" ".repeat(index)}${text.slice(1)}`) }
}

/** Answers a function that loads the next text over the one before it. */
const chain = <C>(document: ConfigDocument<C>, texts: ReadonlyArray<string>, layers: Layers = {}) => {
  let loaded: Loaded<C> = Result.getOrThrow(document.load(texts[0]!, layers))
  let next = 0
  return (): string => {
    next = (next + 1) % texts.length
    const before = loaded
    loaded = Result.getOrThrow(document.load(texts[next]!, layers, before))
    const { paths } = document.diff(before, loaded)
    if (paths.length !== 1) throw new Error(`the difference has ${paths.length} paths`)
    return texts[next]!
  }
}

/** One change a round, so that a quiet moment suffices. */
const once = (step: () => unknown) => (): number => {
  step()
  return 1
}

const hashed = (step: () => string) => (): number => {
  createHash("sha256").update(step()).digest("hex")
  return 1
}

const megabytesAfter = (changes: number, steps: ReadonlyArray<() => unknown>): number => {
  for (let change = 0; change < changes; change++) steps[change % steps.length]!()
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 2 ** 20
}

export const run = async (): Promise<void> => {
  const plain = documents(false)
  const commented = documents(true)
  const asWritten = ConfigDocument.make({ schema: plainSchema })
  const renamed = ConfigDocument.make({ schema: renamedSchema })
  const layered = ConfigDocument.make({ schema: plainSchema, environmentPrefix: "SIGNALBOX" })
  const environment: Layers = { environment: () => undefined }
  const best = await interleave(
    {
      parse: once(() => JSON.parse(plain.one[0]!)),
      full: hashed(chain(asWritten, plain.two)),
      fast: hashed(chain(asWritten, plain.one)),
      commented: hashed(chain(asWritten, commented.two)),
      fullOnly: once(chain(asWritten, plain.two)),
      fastOnly: once(chain(asWritten, plain.one)),
      commentedFast: once(chain(asWritten, commented.one)),
      renamedFull: once(chain(renamed, plain.two)),
      renamedFast: once(chain(renamed, plain.one)),
      layeredFull: once(chain(layered, plain.two, environment)),
      layeredFast: once(chain(layered, plain.one, environment)),
    },
    25,
  )
  const steps = [chain(asWritten, plain.one), chain(asWritten, plain.two), chain(renamed, commented.one)]
  const before = megabytesAfter(99, steps)
  const after = megabytesAfter(1000, steps)
  const ratio = (name: keyof typeof best): number => best[name] / best.parse
  report("config-document: one alias of 10,000 changed, × JSON.parse of the same text", [
    { name: "full path, difference and SHA-256", ratio: ratio("full"), target: ["≤", 2.7] },
    { name: "fast path, difference and SHA-256", ratio: ratio("fast"), target: ["≤", 1] },
    { name: "full path with comments, difference and SHA-256", ratio: ratio("commented"), target: ["≤", 3.6] },
    { name: "full path and difference", ratio: ratio("fullOnly") },
    { name: "fast path and difference", ratio: ratio("fastOnly") },
    { name: "fast path with comments", ratio: ratio("commentedFast") },
    { name: "full path, keys renamed by the schema", ratio: ratio("renamedFull") },
    { name: "fast path, keys renamed by the schema", ratio: ratio("renamedFast") },
    { name: "full path, with an environment", ratio: ratio("layeredFull") },
    { name: "fast path, with an environment", ratio: ratio("layeredFast") },
    { name: "heap after 1,000 more changes against before", ratio: after / before, target: ["≤", 1.02] },
  ])
}
