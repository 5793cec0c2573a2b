import { assert, describe, it } from "@effect/vitest"
import { Credentials } from "@signalbox/core/Credentials"
import { EventBus } from "@signalbox/core/EventBus"
import { FileLock } from "@signalbox/core/FileLock"
import { credentialsSuite } from "@signalbox/core/testing/CredentialsSuite"
import { SimulatedDisk } from "@signalbox/core/testing/SimulatedDisk"
import { Effect, Latch, Layer, Logger } from "effect"
import { Digest } from "effect/crypto"
import { TestClock } from "effect/testing"
import {
  add,
  content,
  directory,
  file,
  foreign,
  idOf,
  ids,
  inProcess,
  later,
  listen,
  litter,
  logged,
  onDisk,
  problem,
  process,
  revoke,
  save,
  turns,
} from "./CredentialsDisk.ts"

credentialsSuite(
  "Credentials in a file",
  Layer.provide(process, Layer.mergeAll(SimulatedDisk.layer, FileLock.layerMemory, Logger.layer([]))),
)

const hash = "0123456789abcdef".repeat(4)
const key = (id: string, sha256: string, more = "") =>
  `"${id}": { "sha256": "${sha256}", "label": "", "models": ["*"], "created_at": "2026-01-31T12:00:00.000Z"${more} }`
const text = (...keys: ReadonlyArray<string>) => `{ "version": 1, "keys": { ${keys.join(", ")} } }`
const one = text(key("one", hash))

describe("the file of Credentials", () => {
  it.effect("contains hashes without secrets, has mode 0600, and is the only file", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_769_860_800_000)
      const secret = yield* inProcess(add("one"))
      const digest = yield* Effect.flatMap(Digest.Digest, (digest) =>
        digest.digestHex(Digest.sha256, new TextEncoder().encode(secret)),
      ).pipe(Effect.provide(Digest.layerWebCrypto))
      assert.deepStrictEqual(JSON.parse(yield* content), {
        version: 1,
        keys: { one: { sha256: digest, label: "", models: ["*"], created_at: "2026-01-31T12:00:00.000Z" } },
      })
      const mode = (path: string) => foreign((fs) => Effect.map(fs.stat(path), (info) => info.mode & 0o777))
      assert.deepStrictEqual([yield* mode(file), yield* mode(directory)], [0o600, 0o700])
      assert.deepStrictEqual(yield* litter, [])
    }).pipe(onDisk()),
  )
  it.effect("is read by the next process without events", () =>
    Effect.gen(function* () {
      const secret = yield* inProcess(add("one"))
      yield* inProcess(
        Effect.gen(function* () {
          assert.strictEqual(yield* idOf(secret), "one")
          const before = yield* EventBus.use(({ cursor }) => cursor)
          yield* later
          assert.deepStrictEqual(yield* EventBus.use(({ cursor }) => cursor), before)
        }),
      )
    }).pipe(onDisk()),
  )
  it.effect("keeps comments and unknown keys, and reports the latter", () =>
    Effect.gen(function* () {
      yield* save(`// ours\n${text(key("one", hash, ', "owner": "ann"'))}`)
      const { lines } = yield* logged(inProcess(add("two")))
      assert.include(lines.join(), `${file}:2:`)
      const after = yield* content
      assert.include(after, "// ours")
      assert.include(after, '"owner": "ann"')
      assert.deepStrictEqual(yield* inProcess(ids), ["two", "one"])
    }).pipe(onDisk()),
  )
  it.effect("stays a symbolic link", () =>
    Effect.gen(function* () {
      yield* save(one)
      yield* foreign((fs) => Effect.andThen(fs.rename(file, "/tmp/real.json"), fs.symlink("/tmp/real.json", file)))
      yield* inProcess(revoke("one"))
      assert.strictEqual(yield* foreign((fs) => fs.readLink(file)), "/tmp/real.json")
      assert.deepStrictEqual(JSON.parse(yield* content), { version: 1, keys: {} })
    }).pipe(onDisk()),
  )
  it.effect("is reported with a wider mode, which the next change tightens", () =>
    Effect.gen(function* () {
      yield* save(one)
      yield* foreign((fs) => fs.chmod(file, 0o664))
      const { lines } = yield* logged(inProcess(Effect.andThen(later, add("two"))))
      assert.deepStrictEqual(
        lines.map((line) => /mode (\d+)/.exec(line)?.[1]),
        ["0664"],
      )
      assert.strictEqual((yield* foreign((fs) => fs.stat(file))).mode & 0o777, 0o600)
    }).pipe(onDisk()),
  )
  it.effect("accepts 10,000 keys and refuses the next one", () =>
    Effect.gen(function* () {
      const many = Array.from({ length: 10_000 }, (_, i) => key(`key${i}`, i.toString(16).padStart(64, "0")))
      yield* save(text(...many))
      yield* inProcess(
        Effect.gen(function* () {
          const error = yield* Effect.flip(add("one"))
          assert.deepInclude(error.reason, { _tag: "CredentialsFull", limit: 10_000 })
          assert.include(error.message, "Revoke")
          yield* revoke("key77")
          yield* add("one")
          assert.strictEqual((yield* ids).length, 10_000)
        }),
      )
      yield* save(text(...many, key("one", hash)))
      yield* inProcess(
        Effect.andThen(
          Effect.map(ids, (all) => assert.deepStrictEqual(all, [])),
          problem,
        ),
      ).pipe(Effect.map((found) => assert.strictEqual(found?.code, "EINVAL")))
    }).pipe(onDisk()),
  )
})

describe("an invalid file of Credentials", () => {
  const cases = [
    ["is empty", "", "EINVAL"],
    ["is torn", one.slice(0, -20), "EINVAL"],
    ["is something else", "[]", "EINVAL"],
    ["has no keys member", '{ "version": 1 }', "EINVAL"],
    ["misspells the keys member", '{ "version": 1, "key": {} }', "EINVAL"],
    ["was written by a newer version", '{ "version": 2, "keys": {} }', "EINVAL"],
    ["misspells what a key may use", text(key("one", hash).replace("models", "model")), "EINVAL"],
    ["holds a secret where its hash should be", text(key("one", "sk-signalbox-precious")), "EINVAL"],
    ["has an id that is none", text(key("a/b", hash)), "EINVAL"],
    ["has two keys of one secret", text(key("one", hash), key("two", hash)), "EINVAL"],
    ["is larger than any that is read", `${one}${" ".repeat(16 * 1024 * 1024)}`, "EFBIG"],
  ] as const
  for (const [what, bad, code] of cases) {
    it.effect(`refuses every caller at a start, reports the problem and overwrites nothing if it ${what}`, () =>
      Effect.gen(function* () {
        yield* save(bad)
        const { lines } = yield* logged(
          inProcess(
            Effect.gen(function* () {
              assert.deepStrictEqual(yield* ids, [])
              assert.strictEqual((yield* problem)?.code, code)
              const error = yield* Effect.flip(add("two"))
              assert.deepInclude(error.reason, { _tag: "CredentialsUnavailable", path: file, code })
              assert.include(error.message, file)
              assert.notInclude(error.message, "precious")
              assert.isTrue((yield* content) === bad)
              yield* later
              assert.deepStrictEqual(yield* ids, [])
              yield* save(one)
              yield* later
              assert.deepStrictEqual([yield* ids, yield* problem], [["one"], undefined])
            }),
          ),
        )
        assert.lengthOf(lines, 2)
        assert.match(lines[0]!, /^Error .*every key is refused/)
        assert.notInclude(lines[0]!, "precious")
        assert.match(lines[1]!, /^Info .*in force again/)
        assert.deepStrictEqual(yield* litter, [])
      }).pipe(onDisk()),
    )
    it.effect(`keeps the keys in force if it ${what}`, () =>
      Effect.gen(function* () {
        const secret = yield* inProcess(add("one"))
        const good = yield* content
        const { lines } = yield* logged(
          inProcess(
            Effect.gen(function* () {
              yield* save(bad)
              yield* later
              yield* later
              assert.strictEqual(yield* idOf(secret), "one")
              assert.strictEqual((yield* problem)?.code, code)
              assert.strictEqual((yield* Effect.flip(revoke("one"))).reason._tag, "CredentialsUnavailable")
              assert.isTrue((yield* content) === bad)
              yield* save(good)
              yield* later
              assert.isUndefined(yield* problem)
              yield* revoke("one")
              assert.isUndefined(yield* idOf(secret))
            }),
          ),
        )
        assert.lengthOf(lines, 2)
        assert.match(lines[0]!, /^Error .*stay in force/)
      }).pipe(onDisk()),
    )
  }
  it.effect("keeps the keys in force if the file is removed, and does not create it with fewer keys", () =>
    Effect.gen(function* () {
      const secret = yield* inProcess(add("one"))
      yield* inProcess(
        Effect.gen(function* () {
          yield* foreign((fs) => fs.remove(file))
          yield* later
          assert.strictEqual(yield* idOf(secret), "one")
          assert.strictEqual((yield* problem)?.code, "ENOENT")
          assert.deepInclude((yield* Effect.flip(add("two"))).reason, { code: "ENOENT" })
          yield* save(text())
          yield* later
          assert.deepStrictEqual([yield* idOf(secret), yield* problem], [undefined, undefined])
        }),
      )
    }).pipe(onDisk()),
  )
  it.effect("reads the file again as soon as its mode or disk permits", () =>
    Effect.gen(function* () {
      yield* save(one)
      yield* foreign((fs) => fs.chmod(file, 0))
      yield* inProcess(
        Effect.gen(function* () {
          assert.strictEqual((yield* problem)?.code, "EACCES")
          yield* later
          yield* foreign((fs) => fs.chmod(file, 0o600))
          yield* later
          assert.deepStrictEqual([yield* ids, yield* problem], [["one"], undefined])
        }),
      )
    }).pipe(onDisk()),
  )
})

describe("foreign changes of the file of Credentials", () => {
  it.effect("takes effect within two seconds and publishes events", () =>
    inProcess(
      Effect.gen(function* () {
        const told = yield* listen
        const secret = yield* inProcess(add("one"))
        yield* later
        assert.strictEqual(yield* idOf(secret), "one")
        yield* save((yield* content).replace('"label": ""', '"label": "ours"'))
        yield* later
        yield* save((yield* content).replace('"*"', '"fast"'))
        yield* later
        assert.deepStrictEqual((yield* Effect.map(Credentials, ({ authenticate }) => authenticate(secret)))?.models, [
          "fast",
        ])
        yield* inProcess(revoke("one"))
        yield* later
        assert.isUndefined(yield* idOf(secret))
        assert.deepStrictEqual(yield* told(4), [
          "credential.added one",
          "credential.changed one",
          "credential.changed one",
          "credential.revoked one",
        ])
      }),
    ).pipe(onDisk()),
  )
  it.effect("survives a concurrent change of this process", () =>
    inProcess(
      Effect.gen(function* () {
        const told = yield* listen
        const theirs = yield* inProcess(add("theirs"))
        const ours = yield* add("ours")
        assert.deepStrictEqual([yield* idOf(theirs), yield* idOf(ours)], ["theirs", "ours"])
        yield* inProcess(revoke("ours"))
        yield* revoke("theirs")
        assert.deepStrictEqual([yield* idOf(theirs), yield* idOf(ours)], [undefined, undefined])
        assert.deepStrictEqual(yield* told(4), [
          "credential.added theirs",
          "credential.added ours",
          "credential.revoked ours",
          "credential.revoked theirs",
        ])
      }),
    ).pipe(onDisk()),
  )
  it.effect("survives a write of this process at the same moment", () =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      yield* save(one)
      let saved = false
      yield* disk.before(({ name, path }) => {
        if (saved || name !== "sync" || !path.endsWith(".new")) return Effect.void
        saved = true
        return Effect.orDie(disk.foreign.writeFileString(file, text(key("one", hash), key("two", "f".repeat(64)))))
      })
      yield* inProcess(add("three"))
      assert.sameMembers([...(yield* inProcess(ids))], ["one", "two", "three"])
      assert.deepStrictEqual(yield* litter, [])
    }).pipe(Effect.scoped, onDisk()),
  )
  it.effect("is read again if it may have changed twice within one tick of the disk's clock", () =>
    inProcess(
      Effect.gen(function* () {
        // Same inode, size and time.
        const saveAtOnce = (text: string) =>
          Effect.andThen(
            save(text),
            foreign((fs) => fs.utimes(file, 7, 7)),
          )
        const aSecond = Effect.andThen(TestClock.adjust("1 second"), turns)
        yield* saveAtOnce(one)
        yield* aSecond
        assert.deepStrictEqual(yield* ids, ["one"])
        yield* saveAtOnce(text(key("two", hash)))
        yield* aSecond
        assert.deepStrictEqual(yield* ids, ["two"])
      }),
    ).pipe(onDisk()),
  )
  it.effect("does not restore a key that was revoked during a read", () =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      const secret = yield* inProcess(add("one"))
      yield* inProcess(
        Effect.gen(function* () {
          const [reading, go] = [yield* Latch.make(), yield* Latch.make()]
          let polls = 0
          yield* disk.before(({ name, path }) =>
            // The last look of a reading, when its text is there already.
            name === "stat" && path === file && ++polls === 4 ? Effect.andThen(reading.open, go.await) : Effect.void,
          )
          yield* foreign((fs) => fs.writeFileString(file, " ", { flag: "a" }))
          yield* Effect.forkChild(later)
          yield* reading.await
          polls = 100
          yield* revoke("one")
          yield* go.open
          yield* turns
          assert.isUndefined(yield* idOf(secret))
        }),
      )
    }).pipe(Effect.scoped, onDisk()),
  )
})
