/** One document under two names is served by one host. */
import { readdirSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { HostHealth } from "@signalbox/server"
import { Context, Effect, Exit, Scope } from "effect"
import { embeddedHost } from "./EmbeddedHost.ts"
import { temporaryDirectory } from "./processes/HostProcess.ts"

const document = `{ "version": 1, "providers": {}, "models": {} }`

const twoNames = Effect.gen(function* () {
  const [real, link] = [yield* temporaryDirectory, yield* temporaryDirectory]
  const names = { real: join(real, "config.json"), link: join(link, "settings.json") }
  writeFileSync(names.real, document, { mode: 0o600 })
  symlinkSync(names.real, names.link)
  return names
})

for (const [first, second] of [
  ["real", "link"],
  ["link", "real"],
] as const) {
  it.live(`refuses the ${second} name while a host serves the document under its ${first} name`, () =>
    Effect.gen(function* () {
      const names = yield* twoNames
      const scope = yield* Scope.fork(yield* Effect.scope)
      yield* Scope.provide(embeddedHost({ config: names[first] }), scope)
      const { message } = yield* Effect.flip(embeddedHost({ config: names[second] }))
      assert.include(message, "Another host serves this document already: ")
      assert.include(message, `${names.real}.host.lock is held by `)
      yield* Scope.close(scope, Exit.void)
      yield* embeddedHost({ config: names[second] })
    }),
  )
}

it.live("serves two documents of one directory under links in two others", () =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    for (const name of ["home.json", "work.json"]) {
      writeFileSync(join(directory, name), document, { mode: 0o600 })
      const config = join(yield* temporaryDirectory, "config.json")
      symlinkSync(join(directory, name), config)
      yield* embeddedHost({ config })
    }
  }),
)

it.live("guards the document that a changed link leads to, or reports the host that serves it", () =>
  Effect.gen(function* () {
    const names = yield* twoNames
    const target = (yield* twoNames).real
    const { context } = yield* embeddedHost({ config: names.link })
    const { degraded } = Context.get(context, HostHealth)
    const lead = (to: string) => {
      unlinkSync(names.link)
      symlinkSync(to, names.link)
    }
    lead(target)
    assert.deepStrictEqual(yield* degraded, [])
    assert.include(readdirSync(join(target, "..")).join(), "config.json.host.lock")
    assert.include((yield* Effect.flip(embeddedHost({ config: target }))).message, "serves this document already")
    yield* embeddedHost({ config: names.real })
    lead(names.real)
    assert.include((yield* degraded).join(), "two hosts serve this document")
  }),
)
