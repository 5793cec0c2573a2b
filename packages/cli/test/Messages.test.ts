/** The rules for messages in the README: what a command reports about a change, with a host and without one. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { home } from "./Command.ts"

interface Case {
  readonly words: ReadonlyArray<string>
  readonly code?: number
  /** In standard output and standard error together. */
  readonly says: RegExp
}

const cases: ReadonlyArray<Case> = [
  {
    words: ["config", "set", "models.gpt-4.1.upstream", "x"],
    code: 2,
    says: /models\.gpt-4 has no key "1"\nhint: quote a name that has dots: 'models\."gpt-4\.1"\.upstream'/,
  },
  { words: ["config", "set", 'models."gpt-4.1"', '{"provider":"echo","upstream":"a"}'], says: /\(unset\) → / },
  { words: ["config", "set", "models.gpt-4.1.upstream", "b"], says: /^- models\."gpt-4\.1"\.upstream: a → b$/m },
  { words: ["config", "get", "models.gpt-4.1.upstream"], says: /^b$/m },
  { words: ["config", "unset", "models.gpt-4.1"], says: /→ \(unset\)$/m },
  {
    words: ["config", "set", "models.fast.enabled", "false"],
    code: 1,
    says: /there is no models\.fast yet, and models\.fast\.enabled alone is not enough; nothing was changed\n {2}models\.fast\.upstream: .*\nhint: add it with `signalbox models add fast`/,
  },
  {
    words: ["config", "set", "providers.openai.base_url", "http://x"],
    code: 1,
    says: /there is no providers\.openai yet, .*\nhint: add it with `signalbox providers add openai`/s,
  },
  {
    words: ["config", "set", "listen.port", "99999"],
    code: 1,
    says: /^ {2}listen\.port: must be a value between 0 and 65535\b.*\nhint: if the value is text, add --string$/m,
  },
  {
    words: ["config", "unset", "models.ecko"],
    code: 1,
    says: /the document has no models\.ecko \(did you mean "echo"\?\); nothing was removed/,
  },
  { words: ["config", "get", "models.ecko"], code: 1, says: /there is no models\.ecko \(did you mean "echo"\?\)/ },
  {
    words: ["config", "set", "featuers.auth", "true"],
    says: /^the document is changed, but no value in force\ndocument now .*\nwarning: .*:\d+:\d+: unknown key "featuers"/m,
  },
  { words: ["config", "undo"], says: /^the document is changed, but no value in force\ndocument now/m },
  { words: ["config", "set", "featuers.auth", "true"], says: /unknown key/ },
  {
    words: ["config", "set", "features.debug", "true"],
    says: /^- features\.debug: false → true\ndocument now [^\n]*\n(?!warning)/m,
  },
  {
    words: ["config", "set", "features.debug", "true"],
    says: /^nothing was changed: the document has this already\ndocument still/m,
  },
  {
    words: ["config", "plan", "nothing", "1"],
    says: /^no value in force would change\nwarning: unknown key "nothing"[^\n]*\n(?!warning)/m,
  },
  { words: ["config", "plan", "models.echo"], code: 2, says: /a value is missing: .* there is no file "models\.echo"/ },
  {
    words: ["config", "plan", "models.echo.enabled", "7"],
    code: 1,
    says: /^signalbox: the change would be refused\n {2}models/m,
  },
  {
    words: ["config", "validate", "DIR/bad.json"],
    code: 1,
    says: /^signalbox: \S+bad\.json is refused\n {2}\S+bad\.json:1:\d+: /,
  },
  {
    words: ["config", "import", "DIR/bad.json"],
    code: 1,
    says: /bad\.json is refused; nothing was changed\n {2}models\.a\.upstream: /,
  },
  {
    words: ["keys", "revoke", "nobody"],
    code: 1,
    says: /nothing was revoked\nhint: `signalbox keys list` shows the keys/,
  },
  {
    words: ["config", "set", "models.echo.upstream", "-"],
    code: 2,
    says: /standard input has no value for models\.echo\.upstream/,
  },
]

/** `nothing was changed` is for commands that would have changed something. */
const readers = /^config (?:get|plan|validate)/

for (const withHost of [false, true]) {
  describe(withHost ? "with a host" : "without a host", () => {
    it.live("names the thing, its place and the next step", () =>
      Effect.gen(function* () {
        const at = yield* home
        if (withHost) yield* at.host()
        writeFileSync(join(at.directory, "bad.json"), '{ "models": { "a": { "upstream": 7 } } }')
        for (const { code = 0, says, words } of cases) {
          const ended = yield* at.run(words.map((word) => word.replace("DIR", at.directory)))
          const output = ended.stdout + ended.stderr
          assert.match(output, says, words.join(" "))
          assert.strictEqual(ended.code, code, words.join(" "))
          assert.notMatch(output, /config:\d|this text|this number/)
          if (readers.test(words.join(" "))) assert.notInclude(output, "nothing was changed")
        }
        const { entries } = yield* at.json(["config", "history"])
        const inForce = entries.filter(({ current }: { readonly current: boolean }) => current)
        assert.strictEqual(inForce.length, 1)
      }),
    )
  })
}
