/**
 * Links and files that another user planted under the names of a host's files. The names are those that a first host wrote, so that a file which the
 * host writes later is tested as well.
 */
import {
  chownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Credentials } from "@signalbox/core/Credentials"
import { HostConfig, HostHealth } from "@signalbox/server"
import { Context, Effect, Exit } from "effect"
import { embeddedHost } from "./EmbeddedHost.ts"
import { temporaryDirectory } from "./processes/HostProcess.ts"

/** Runs a host that writes each of its files. A write may be refused. */
const writingHost = (config: string) =>
  Effect.gen(function* () {
    const { context, url } = yield* embeddedHost({ config })
    const store = Context.get(context, HostConfig)
    yield* Effect.exit(store.update([{ path: "/models/second", value: { provider: "echo", upstream: "two" } }]))
    yield* Effect.exit(Context.get(context, Credentials).add({ id: "one" }))
    yield* Effect.promise(async () => {
      const body = JSON.stringify({ model: "echo", messages: [{ role: "user", content: "hello" }] })
      const headers = { "content-type": "application/json" }
      await (await fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body })).text()
    })
    return yield* Context.get(context, HostHealth).degraded
  }).pipe(Effect.scoped)

const filesIn = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))

/** A second host meets the same names an hour later at most. */
const laterNames = (name: string): ReadonlyArray<string> => {
  const segment = /^ledger\/.+\.entries$/.test(name)
  if (!segment) return [name]
  const hour = (offset: number) => new Date(Date.now() + offset * 3_600_000).toISOString().slice(0, 13)
  return [0, 1].map((offset) => `ledger/${hour(offset)}.entries`)
}

const plants = { "a symbolic link": symlinkSync, "a hard link": linkSync }

describe("a host in a directory where another user planted links", () => {
  for (const [what, plant] of Object.entries(plants)) {
    it.live(
      `changes no file behind ${what}, whichever of its files the link replaces`,
      () =>
        Effect.gen(function* () {
          const first = yield* temporaryDirectory
          assert.deepStrictEqual(yield* writingHost(join(first, "config.json")), [])
          const names = filesIn(first).flatMap(laterNames)
          for (const name of ["host.lock", "admin.token", "credentials.json", "config.json.lock"])
            assert.include(names, name)
          for (const name of names) {
            const directory = yield* temporaryDirectory
            const victim = join(yield* temporaryDirectory, "victim")
            writeFileSync(victim, "precious\n", { mode: 0o644 })
            mkdirSync(dirname(join(directory, name)), { recursive: true, mode: 0o700 })
            plant(victim, join(directory, name))
            yield* Effect.exit(writingHost(join(directory, "config.json")))
            assert.strictEqual(readFileSync(victim, "utf8"), "precious\n", name)
            assert.strictEqual(statSync(victim).mode & 0o777, 0o644, name)
          }
        }),
      30_000,
    )
  }

  it.live("refuses to start on a host.lock that is a link, and names it", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      symlinkSync("/dev/null", join(directory, "host.lock"))
      const error = yield* Effect.flip(writingHost(join(directory, "config.json")))
      assert.strictEqual(
        error.message,
        `The host's lock ${directory}/host.lock cannot be taken: ${directory}/host.lock is a symbolic link, which may lead to any file: remove the link.`,
      )
    }),
  )
})

describe.skipIf(process.geteuid?.() !== 0)("a host with files of another user (needs root, to give them away)", () => {
  const other = 12_345
  const prepared = Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    yield* writingHost(join(directory, "config.json"))
    return directory
  })

  for (const name of ["host.lock", "admin.token"]) {
    it.live(`refuses to start with the ${name} of another user`, () =>
      Effect.gen(function* () {
        const directory = yield* prepared
        chownSync(join(directory, name), other, other)
        const { message } = yield* Effect.flip(writingHost(join(directory, "config.json")))
        assert.include(message, `${directory}/${name} belongs to user ${other}, who can change it`)
      }),
    )
  }

  for (const name of ["config.json", "credentials.json", "history", "ledger"]) {
    it.live(`reports that ${name} belongs to another user, or is a link of theirs`, () =>
      Effect.gen(function* () {
        const directory = yield* prepared
        chownSync(join(directory, name), other, other)
        const about = (sentences: ReadonlyArray<string>) =>
          sentences.filter((sentence) => sentence.includes(name) && !sentence.includes(`${directory} belongs`))
        const reported = about(yield* writingHost(join(directory, "config.json")))
        assert.include(reported.join(), `belongs to user ${other}`)
        // The owner of the directory may replace each of its files anyway.
        chownSync(directory, other, other)
        assert.deepStrictEqual(about(yield* writingHost(join(directory, "config.json"))), [])
      }),
    )
  }

  it.live("ignores the documents in a history of another user", () =>
    Effect.gen(function* () {
      const directory = yield* prepared
      const history = join(directory, "history")
      chownSync(history, other, other)
      rmSync(join(directory, "config.json"))
      writeFileSync(join(directory, "config.json"), "{", { mode: 0o600 })
      assert.isTrue(Exit.isFailure(yield* Effect.exit(writingHost(join(directory, "config.json")))))
    }),
  )
})
