/** `doctor` finds each kind of problem and advises what to do. */
import { chmodSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Home, home } from "./Command.ts"

interface CheckResult {
  readonly check: string
  readonly state: "ok" | "note" | "problem"
  readonly message: string
  readonly advice?: string
}

const problems = (at: Home) =>
  Effect.map(at.run(["doctor", "--json"]), ({ code, stderr, stdout }) => {
    const { findings, healthy }: { healthy: boolean; findings: ReadonlyArray<CheckResult> } = JSON.parse(stdout)
    const found = findings.filter(({ state }) => state === "problem")
    assert.strictEqual(code, healthy ? 0 : 1)
    assert.strictEqual(healthy, found.length === 0)
    if (!healthy) assert.strictEqual(JSON.parse(stderr).type, "urn:signalbox:problem:unhealthy")
    for (const { advice } of found) assert.isNotEmpty(advice)
    return found
  })

const ready = Effect.tap(home, ({ json }) => json(["config", "set", "features.auth", "true"]))

describe("doctor", () => {
  it.live("finds no problem in a healthy installation", () =>
    Effect.gen(function* () {
      const at = yield* ready
      assert.deepStrictEqual(yield* problems(at), [])
      const { code, stdout } = yield* at.run(["doctor"])
      assert.strictEqual(code, 0)
      for (const check of ["platform", "node", "locks", "watching", "directory", "leftovers", "ledger"]) {
        assert.match(stdout, new RegExp(`^ok +${check} `, "m"))
      }
    }),
  )

  it.live("repeats each problem and warning of the document with its line and column", () =>
    Effect.gen(function* () {
      const at = yield* ready
      const doctor = (document: object) => {
        writeFileSync(at.config, JSON.stringify(document, null, 1), { mode: 0o600 })
        return Effect.map(at.run(["doctor"]), ({ code, stdout }) => ({ code, stdout }))
      }
      const openai = { kind: "openai" }
      const refused = yield* doctor({
        providers: {
          a: { ...openai, base_url: "http://localhost:65536" },
          b: { ...openai, api_key: "os.environ/OPENAI_API_KEY" },
          c: { ...openai, api_key: "sk-a\nb" },
        },
        modles: { fast: { upstream: "u", provider: "a" } },
      })
      assert.strictEqual(refused.code, 1)
      for (const [line, part] of [
        ["5:16", "a port that does not exist"],
        ["9:15", "must be the key itself"],
        ["13:15", "an HTTP header carries no others"],
        ["16:2", 'did you mean "models"'],
      ]) {
        assert.include(refused.stdout.split("\n").find((text) => text.includes(part!)) ?? "", `config.json:${line}: `)
      }
      const loop = yield* doctor({ providers: { a: { ...openai, base_url: "http://localhost:4747/v1" } } })
      assert.match(loop.stdout, /config\.json:5:16: is the address of this host/)
      const warned = yield* doctor({
        providers: { a: { ...openai, base_url: "https://host/v1/chat/completions" } },
        models: { fast: { upstream: "u", provider: "b" } },
      })
      assert.match(warned.stdout, /^note .*config\.json:5:16: ends with the path of an endpoint/m)
      assert.match(warned.stdout, /^note .*config\.json:11:16: there is no provider "b"/m)
    }),
  )

  const cases: ReadonlyArray<readonly [string, (at: Home) => void, check: string, message: RegExp]> = [
    ["a directory that others can read", ({ config }) => chmodSync(dirname(config), 0o755), "directory", /mode 0755/],
    [
      "a directory where others can plant files",
      ({ config }) => chmodSync(dirname(config), 0o1777),
      "directory",
      /1777/,
    ],
    [
      "a history that others can read",
      ({ config }) => {
        mkdirSync(join(dirname(config), "history"), { recursive: true })
        chmodSync(join(dirname(config), "history"), 0o755)
      },
      "directory",
      /history \(mode 0755\)/,
    ],
    [
      "a lock file that is a link",
      ({ config }) => symlinkSync("victim", join(dirname(config), "host.lock")),
      "owners",
      /host\.lock is a symbolic link/,
    ],
    ["a document that others can read", ({ config }) => chmodSync(config, 0o644), "document", /mode 0644/],
    [
      "a token that others can read",
      ({ config }) => writeFileSync(join(dirname(config), "admin.token"), "x", { mode: 0o644 }),
      "token",
      /others can read/,
    ],
    [
      "a document that is refused",
      ({ config }) => writeFileSync(config, '{\n "models": 7 }'),
      "content",
      /config\.json:2:/,
    ],
    [
      "a document that is not UTF-8",
      ({ config }) => writeFileSync(config, Buffer.from([0x7b, 0xe9, 0x7d])),
      "content",
      /config\.json cannot be read \(it is not UTF-8\)/,
    ],
    [
      "the temporary file of a dead writer",
      ({ config }) => {
        const left = join(dirname(config), ".config.json.0123456789.new")
        writeFileSync(left, "x")
        utimesSync(left, 1, 1)
      },
      "leftovers",
      /\.config\.json\.0123456789\.new/,
    ],
    [
      "the temporary file of another file's dead writer",
      ({ config }) => {
        const left = join(dirname(config), ".admin.token.0123456789.new")
        writeFileSync(left, "x")
        utimesSync(left, 1, 1)
      },
      "leftovers",
      /\.admin\.token\.0123456789\.new/,
    ],
    [
      "a key file that does not parse",
      ({ config }) => writeFileSync(join(dirname(config), "credentials.json"), "{", { mode: 0o600 }),
      "keys",
      /credentials\.json/,
    ],
    [
      "damaged lines in the ledger",
      ({ config }) => {
        const ledger = join(dirname(config), "ledger")
        mkdirSync(ledger, { mode: 0o700 })
        writeFileSync(join(ledger, `${new Date().toISOString().slice(0, 13)}.entries`), "damaged\n", { mode: 0o600 })
      },
      "ledger",
      /1 lines/,
    ],
  ]
  for (const [what, make, check, message] of cases) {
    it.live(`finds only ${what}`, () =>
      Effect.gen(function* () {
        const at = yield* ready
        make(at)
        const found = yield* problems(at)
        assert.deepStrictEqual(
          found.map(({ check }) => check),
          [check],
        )
        assert.match(found[0]?.message ?? "", message)
      }),
    )
  }

  it.live("reports an unknown key as a note, with and without a host", () =>
    Effect.gen(function* () {
      const at = yield* home
      yield* at.json(["config", "set", "modles.fast.upstream", "gpt-5"])
      const about = Effect.map(at.json(["doctor"]), ({ findings, healthy }) => {
        assert.isTrue(healthy)
        return findings.filter(({ message }: { message: string }) => message.includes("modles"))
      })
      const without = yield* about
      assert.strictEqual(without.length, 1)
      yield* at.host()
      assert.deepStrictEqual(yield* about, without)
      assert.strictEqual((yield* at.run(["doctor"])).stderr, "")
    }),
  )

  it.live("creates no file", () =>
    Effect.gen(function* () {
      const at = yield* home
      assert.deepStrictEqual(yield* problems(at), [])
      assert.isFalse((yield* at.json(["config", "path"])).exists)
    }),
  )
})
