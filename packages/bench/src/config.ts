/**
 * One alias of 10,000 changes: from the text in hand to the loaded document and its difference, against a `JSON.parse` of the same text. The full
 * path is what a change in two places takes; the fast path what a change in one place takes.
 */
import { createHash } from "node:crypto"
import { ConfigDocument, type Loaded } from "@signalbox/core/ConfigDocument"
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

/** Loads each text over the one before it; answers how many. */
const cycle = <C>(
  document: ConfigDocument<C>,
  texts: ReadonlyArray<string>,
  more: (text: string) => void = () => {},
) => {
  let loaded: Loaded<C> = Result.getOrThrow(document.load(texts[0]!, {}))
  let next = 0
  return (): number => {
    const rounds = texts.length
    for (let round = 0; round < rounds; round++) {
      next = (next + 1) % texts.length
      const before = loaded
      loaded = Result.getOrThrow(document.load(texts[next]!, {}, before))
      const { paths } = document.diff(before, loaded)
      if (paths.length !== 1) throw new Error(`the difference has ${paths.length} paths`)
      more(texts[next]!)
    }
    return rounds
  }
}

const hash = (text: string): void => void createHash("sha256").update(text).digest("hex")

const parseAll = (texts: ReadonlyArray<string>) => (): number => {
  for (const text of texts) JSON.parse(text)
  return texts.length
}

export const run = async (): Promise<void> => {
  const plain = documents(false)
  const commented = documents(true)
  const asWritten = ConfigDocument.make({ schema: plainSchema })
  const renamed = ConfigDocument.make({ schema: renamedSchema })
  const best = await interleave(
    {
      parse: parseAll(plain.one),
      full: cycle(asWritten, plain.two),
      fast: cycle(asWritten, plain.one),
      fullHashed: cycle(asWritten, plain.two, hash),
      fastHashed: cycle(asWritten, plain.one, hash),
      commented: cycle(asWritten, commented.two),
      commentedFast: cycle(asWritten, commented.one),
      renamedFull: cycle(renamed, plain.two),
      renamedFast: cycle(renamed, plain.one),
    },
    5,
  )
  const ratio = (name: keyof typeof best): number => best[name] / best.parse
  report("config: one alias of 10,000 changed, × JSON.parse of the same text", [
    { name: "full path", ratio: ratio("full") },
    { name: "full path with SHA-256", ratio: ratio("fullHashed"), target: ["≤", 2.7] },
    { name: "fast path", ratio: ratio("fast") },
    { name: "fast path with SHA-256", ratio: ratio("fastHashed"), target: ["≤", 1] },
    { name: "full path with comments", ratio: ratio("commented"), target: ["≤", 3.6] },
    { name: "fast path with comments", ratio: ratio("commentedFast") },
    { name: "full path, keys renamed", ratio: ratio("renamedFull") },
    { name: "fast path, keys renamed", ratio: ratio("renamedFast") },
  ])
}
