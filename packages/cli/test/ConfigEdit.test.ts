/** `config edit` with a shell script as the editor, on a terminal and without one. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Home, home, program } from "./Command.ts"
import { onTerminal } from "./Terminal.ts"

/** An editor that runs the n-th script on the file `$1` when it is opened for the n-th time. */
const editor = ({ directory }: Home, scripts: ReadonlyArray<string>): string => {
  for (const [index, script] of scripts.entries()) writeFileSync(join(directory, `edit-${index + 1}.sh`), script)
  const counting = `n=$(cat ${directory}/opened 2>/dev/null || echo 0); n=$((n + 1)); echo $n > ${directory}/opened`
  writeFileSync(
    join(directory, "editor.sh"),
    `${counting}\necho "$@" >> ${directory}/words\nshift\n. ${directory}/edit-$n.sh\n`,
  )
  return `sh ${directory}/editor.sh --wait`
}

const to = (upstream: string) => `sed -i 's/"upstream": "[^"]*"/"upstream": "${upstream}"/' "$1"\n`
const break_ = `sed -i 's/"upstream": "[^"]*"/"upstream": 7/' "$1"\n`

const editing = (at: Home, scripts: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    return yield* onTerminal([process.execPath, program, "config", "edit"], {
      ...at.env,
      EDITOR: editor(at, scripts),
    })
  })

const drafts = ({ directory }: Home): ReadonlyArray<string> =>
  readdirSync(directory).filter((name) => name.startsWith("signalbox-edit-"))

const upstream = (at: Home) =>
  Effect.map(at.json(["config", "get", "models.echo.upstream"]), ({ value }) => value as string)

const secret = "sk-live-4711aaaabbbbcccc"

describe("config edit", () => {
  it.live("opens a private copy without secrets, shows the plan, asks, and applies the edited text", () =>
    Effect.gen(function* () {
      const at = yield* home
      yield* at.json(["config", "set", "providers.openai", `{"kind":"openai","api_key":"${secret}"}`])
      const look = `stat -c %a "$1" "$(dirname "$1")" > ${at.directory}/modes; cp "$1" ${at.directory}/copy\n`
      const terminal = yield* editing(at, [look + to("echo-2")])
      yield* terminal.shows("models.echo.upstream: echo-1 → echo-2")
      yield* terminal.shows("Apply this?")
      yield* terminal.type("yes\r")
      assert.strictEqual(yield* terminal.ended, 0)
      assert.strictEqual(yield* upstream(at), "echo-2")
      assert.strictEqual(readFileSync(join(at.directory, "modes"), "utf8"), "600\n700\n")
      assert.notInclude(readFileSync(join(at.directory, "copy"), "utf8"), secret)
      assert.notInclude(terminal.screen(), secret)
      assert.include(readFileSync(at.config, "utf8"), secret)
      assert.match(readFileSync(join(at.directory, "words"), "utf8"), /^--wait .*config\.jsonc\n$/)
      assert.deepStrictEqual(drafts(at), [])
    }),
  )

  it.live("shows each problem with its place, opens the same text again, and applies it once it is valid", () =>
    Effect.gen(function* () {
      const at = yield* home
      const terminal = yield* editing(at, [
        `${break_}sed -i 's|"default_model_alias"|// mine\\n "default_model_alias"|' "$1"\n`,
        `grep -q '// mine' "$1" && sed -i 's/"upstream": 7/"upstream": "echo-3"/' "$1"\n`,
      ])
      yield* terminal.shows("must be a string")
      yield* terminal.shows("Back to the editor?")
      yield* terminal.type("y\r")
      yield* terminal.shows("echo-1 → echo-3")
      yield* terminal.shows("Apply this?")
      yield* terminal.type("y\r")
      assert.strictEqual(yield* terminal.ended, 0)
      assert.match(terminal.screen(), /config\.jsonc:\d+:\d+: must be a string/)
      assert.include(readFileSync(at.config, "utf8"), "// mine")
    }),
  )

  it.live("opens the editor again when the user answers edit", () =>
    Effect.gen(function* () {
      const at = yield* home
      const terminal = yield* editing(at, [to("a"), to("b")])
      yield* terminal.shows("echo-1 → a")
      yield* terminal.shows("Apply this?")
      yield* terminal.type("edit\r")
      yield* terminal.shows("echo-1 → b")
      yield* terminal.shows("Apply this?")
      yield* terminal.type("maybe\r")
      yield* terminal.shows("Apply this?")
      yield* terminal.type("yes\r")
      assert.strictEqual(yield* terminal.ended, 0)
      assert.strictEqual(yield* upstream(at), "b")
    }),
  )

  for (const [answer, keys] of [
    ["no", "no\r"],
    ["Ctrl-C", "\u0003"],
    ["the end of input", "\u0004"],
  ] as const) {
    it.live(`changes nothing after ${answer}, and prints where the text is kept`, () =>
      Effect.gen(function* () {
        const at = yield* home
        const terminal = yield* editing(at, [to("mine")])
        yield* terminal.shows("Apply this?")
        yield* terminal.type(keys)
        assert.strictEqual(yield* terminal.ended, 1)
        assert.match(terminal.screen(), /\nyour text is kept at /)
        const [, kept = ""] = /your text is kept at (\S+)/.exec(terminal.screen()) ?? []
        assert.include(readFileSync(kept, "utf8"), '"mine"')
        assert.strictEqual(statSync(kept).mode & 0o777, 0o600)
        assert.isFalse(existsSync(at.config) && readFileSync(at.config, "utf8").includes("mine"))
      }),
    )
  }

  it.live("keeps the text and fails when another change came first", () =>
    Effect.gen(function* () {
      const at = yield* home
      yield* at.json(["config", "set", "models.echo.upstream", "before"])
      const otherChange = `'${process.execPath}' '${program}' config set models.echo.upstream theirs\n`
      const terminal = yield* editing(at, [otherChange + to("mine")])
      yield* terminal.shows("Apply this?")
      yield* terminal.type("yes\r")
      yield* terminal.shows("your text is kept at")
      assert.strictEqual(yield* terminal.ended, 4)
      assert.strictEqual(yield* upstream(at), "theirs")
      assert.strictEqual(drafts(at).length, 1)
    }),
  )

  it.live("changes nothing and leaves no copy when the text was not edited", () =>
    Effect.gen(function* () {
      const at = yield* home
      const terminal = yield* editing(at, ["true\n"])
      yield* terminal.shows("nothing was changed")
      assert.strictEqual(yield* terminal.ended, 0)
      assert.deepStrictEqual(drafts(at), [])
    }),
  )

  it.live("keeps the text when the editor fails", () =>
    Effect.gen(function* () {
      const at = yield* home
      const terminal = yield* editing(at, [`${to("mine")}exit 3\n`])
      yield* terminal.shows("your text is kept at")
      yield* terminal.shows("ended with code 3")
      assert.strictEqual(yield* terminal.ended, 1)
    }),
  )

  it.live("ignores signals while the editor runs", () =>
    Effect.gen(function* () {
      const at = yield* home
      // Ctrl-C signals the whole foreground process group, including the shell that started the editor.
      const interrupt = [
        "command=$(ps -o ppid= -p $PPID | tr -d ' ')",
        "kill -INT $PPID $command; kill -TERM $command",
        // Waits until the signals are delivered: the command handles signals again after the editor ends.
        "until grep -q 'ShdPnd:.0*$' /proc/$command/status; do :; done\n",
      ].join("\n")
      const terminal = yield* editing(at, [interrupt + to("mine")])
      yield* terminal.shows("Apply this?")
      yield* terminal.type("yes\r")
      assert.strictEqual(yield* terminal.ended, 0)
      assert.strictEqual(yield* upstream(at), "mine")
    }),
  )

  it.live("needs a terminal, or --yes, which applies a valid text and refuses an invalid one", () =>
    Effect.gen(function* () {
      const at = yield* home
      const refused = yield* at.run(["config", "edit"], { env: { EDITOR: "true" } })
      assert.strictEqual(refused.code, 2)
      assert.include(refused.stderr, "needs a terminal")
      const EDITOR = editor(at, [to("scripted"), break_])
      assert.strictEqual((yield* at.run(["config", "edit", "--yes"], { env: { EDITOR } })).code, 0)
      assert.strictEqual(yield* upstream(at), "scripted")
      const wrong = yield* at.run(["config", "edit", "--yes"], { env: { EDITOR } })
      assert.strictEqual(wrong.code, 1)
      assert.include(wrong.stderr, "your text is kept at")
      assert.strictEqual(yield* upstream(at), "scripted")
    }),
  )

  it.live("changes nothing and keeps the text when the editor saved another encoding than UTF-8", () =>
    Effect.gen(function* () {
      const at = yield* home
      const latin1 = `printf '{"models":{"caf\\351":{"provider":"echo","upstream":"echo-1"}}}' > "$1"\n`
      const { code, stderr } = yield* at.run(["config", "edit", "--yes"], { env: { EDITOR: editor(at, [latin1]) } })
      assert.strictEqual(code, 1, stderr)
      assert.match(stderr, /^your text is kept at .*\nsignalbox: \S+config\.jsonc is not UTF-8.*\nhint: .*\n$/m)
      assert.deepStrictEqual(Object.keys((yield* at.json(["config", "get", "models"])).value), ["echo"])
    }),
  )

  it.live("reports a missing editor and one that does not start", () =>
    Effect.gen(function* () {
      const at = yield* home
      const none = yield* at.run(["config", "edit", "--yes"], { env: { PATH: at.directory } })
      assert.deepStrictEqual([none.code, none.stdout], [1, ""])
      assert.include(none.stderr, "there is no editor")
      const missing = yield* at.run(["config", "edit", "--yes"], { env: { VISUAL: "no-such-editor-4711 -w" } })
      assert.strictEqual(missing.code, 1)
      assert.include(missing.stderr, "set VISUAL or EDITOR")
    }),
  )
})
