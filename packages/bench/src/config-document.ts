/**
 * One alias of 10,000 changes, with the schema of `signalbox serve`: from the text in hand to the loaded document and its difference, in units
 * of a `JSON.parse` of the same text.
 */
import { createHash } from "node:crypto"
import type { Layers, Loaded } from "@signalbox/core/ConfigDocument"
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import { HostConfig } from "@signalbox/server/HostConfig"
import { Result } from "effect"
import { interleave, report } from "./measure.ts"

const aliasCount = 10_000

const modelOf = (index: number, edition: number) => ({
  provider: "echo",
  upstream: `some-vendor/model-name-${index}-${edition}`,
  // Not every model spells its defaults out.
  ...(index % 3 === 0 ? {} : { enabled: index % 5 !== 0 }),
  ...(index % 2 === 0 ? {} : { allowed_keys: ["team-a", `team-${index % 50}`] }),
})

/** Documents of about 1.5 MB. Each differs from its neighbours in one alias, two thirds down. */
export const documents = (comments: boolean): ReadonlyArray<string> => {
  const changed = Math.floor((aliasCount * 2) / 3)
  return Array.from({ length: 8 }, (_, edition) => {
    const names = Array.from({ length: aliasCount }, (_, index) => index)
    const models = Object.fromEntries(
      names.map((index) => [`alias-${index}`, modelOf(index, index === changed ? edition : 0)]),
    )
    const text = JSON.stringify({ version: 1, providers: { echo: { kind: "echo" } }, models }, undefined, 2)
    return comments ? text.replaceAll(/("upstream": "[^"]*7-0")/g, "$1 /* seven, */") : text
  })
}

/** Returns a function that loads the next text over the one before it. */
const chain = <C>(document: ConfigDocument.ConfigDocument<C>, texts: ReadonlyArray<string>, layers: Layers = {}) => {
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

const megabytesAfter = (changes: number, steps: ReadonlyArray<() => unknown>): number => {
  for (let change = 0; change < changes; change++) steps[change % steps.length]!()
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 2 ** 20
}

export const run = async (): Promise<void> => {
  const plain = documents(false)
  const commented = documents(true)
  const document = ConfigDocument.make({ schema: HostConfig.schema })
  const layered = ConfigDocument.make({ schema: HostConfig.schema, environmentPrefix: "SIGNALBOX" })
  const environment: Layers = { environment: () => undefined }
  const hashed = chain(document, plain)
  const best = await interleave(
    {
      parse: once(() => JSON.parse(plain[0]!)),
      hashed: once(() => createHash("sha256").update(hashed()).digest("hex")),
      plain: once(chain(document, plain)),
      commented: once(chain(document, commented)),
      layered: once(chain(layered, plain, environment)),
    },
    25,
  )
  const steps = [chain(document, plain), chain(document, commented), chain(layered, plain, environment)]
  const before = megabytesAfter(99, steps)
  const after = megabytesAfter(1000, steps)
  const ratio = (name: keyof typeof best): number => best[name] / best.parse
  report("config-document: one alias of 10,000 changed, × JSON.parse of the same text", [
    { name: "load and difference", ratio: ratio("plain") },
    { name: "load, difference and SHA-256", ratio: ratio("hashed"), target: ["≤", 4] },
    { name: "load and difference, with comments", ratio: ratio("commented") },
    { name: "load and difference, with an environment", ratio: ratio("layered") },
    { name: "heap after 1,000 more changes against before", ratio: after / before, target: ["≤", 1.02] },
  ])
}
