/** Completion scripts in their shells, as far as these are installed. */
import { spawnSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Home, home, program, runProgram } from "./Command.ts"

const isHere = (shell: string): boolean => spawnSync(shell, ["-c", "exit 0"]).status === 0

/** The script asks the command for names, which is on the PATH of the home. */
const script = ({ directory, run }: Home, shell: string) =>
  Effect.gen(function* () {
    const { code, stderr, stdout } = yield* run(["--completions", shell])
    assert.deepStrictEqual([code, stderr], [0, ""])
    assert.strictEqual((yield* run(["keys", "add", "alice"])).code, 0)
    const command = `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`
    writeFileSync(join(directory, "signalbox"), command, { mode: 0o755 })
    const file = join(directory, `completions.${shell}`)
    writeFileSync(file, stdout)
    return file
  })

const withCommand = ({ directory, env }: Home) => ({ ...env, PATH: `${directory}:${env["PATH"]}` })

/** The completions that bash offers for the last of these words. */
const inBash = (at: Home, file: string, words: ReadonlyArray<string>) => {
  const [current, before] = [words.at(-1) ?? "", words.at(-2) ?? ""]
  const line = words.join(" ")
  const typed = `source "${file}"
    COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}
    COMP_LINE='${line}'; COMP_POINT=${line.length}
    f=$(complete -p signalbox | sed 's/.*-F \\([^ ]*\\).*/\\1/'); $f signalbox '${current}' '${before}'
    printf '%s\\n' "\${COMPREPLY[@]}"`
  return Effect.map(runProgram("bash", ["--norc", "-c", typed], withCommand(at)), ({ stdout }) =>
    stdout
      .split("\n")
      .map((word) => word.trim())
      .filter((word) => word !== ""),
  )
}

const cases: ReadonlyArray<readonly [words: ReadonlyArray<string>, offers: ReadonlyArray<string>]> = [
  [["signalbox", "mo"], ["models"]],
  [["signalbox", "config", "va"], ["validate"]],
  [["signalbox", "serve", "--log-format", "j"], ["json"]],
  [["signalbox", "models", "--js"], ["--json"]],
  [["signalbox", "config", "set", "--str"], ["--string"]],
  [["signalbox", "config", "get", "features.te"], ["features.telemetry"]],
  [["signalbox", "config", "set", "models.echo.ups"], ["models.echo.upstream"]],
  [["signalbox", "config", "plan", "--unset", "stats.w"], ["stats.window_minutes"]],
  [["signalbox", "models", "remove", "ec"], ["echo"]],
  [["signalbox", "models", "add", "fast", "--provider", "ec"], ["echo"]],
  [["signalbox", "providers", "test", "ec"], ["echo"]],
  [["signalbox", "keys", "revoke", "ali"], ["alice"]],
  [["signalbox", "events", "--types", "config.chan"], ["config.changed"]],
]

describe("completions", () => {
  it.live("completes words and files in bash", (context) =>
    Effect.gen(function* () {
      if (!isHere("bash")) return context.skip("there is no bash")
      const at = yield* home
      const file = yield* script(at, "bash")
      for (const [words, offers] of cases) {
        assert.deepStrictEqual(yield* inBash(at, file, words), offers, words.join(" "))
      }
      writeFileSync(join(at.directory, "document.json"), "{}")
      const files = yield* inBash(at, file, ["signalbox", "config", "validate", `${at.directory}/docu`])
      assert.deepStrictEqual(files, [join(at.directory, "document.json")])
    }),
  )

  it.live("completes words in fish", (context) =>
    Effect.gen(function* () {
      if (!isHere("fish")) return context.skip("there is no fish")
      const at = yield* home
      const file = yield* script(at, "fish")
      for (const [words, offers] of cases) {
        const asked = `source "${file}"; complete -C "${words.join(" ")}"`
        const { stdout } = yield* runProgram("fish", ["--no-config", "-c", asked], withCommand(at))
        const found = stdout.split("\n").flatMap((line) => (line === "" ? [] : [String(line.split("\t")[0])]))
        assert.deepStrictEqual(found, [...offers], words.join(" "))
      }
    }),
  )

  it.live("completes words in zsh", (context) =>
    Effect.gen(function* () {
      if (!isHere("zsh")) return context.skip("there is no zsh")
      const at = yield* home
      const file = yield* script(at, "zsh")
      const loading = `autoload -Uz compinit; compinit -D -u; source "${file}"; print -r -- $_comps[signalbox]; whence -w $_comps[signalbox]`
      const { stderr, stdout } = yield* runProgram("zsh", ["-f", "-c", loading], at.env)
      assert.deepStrictEqual([stdout, stderr], ["_signalbox\n_signalbox: function\n", ""])
      // On a pseudo-terminal of zsh: the key completes the line, which is printed as a whole.
      const typing = [
        "zmodload zsh/zpty && zpty z zsh -f -i",
        `zpty -w z "autoload -Uz compinit; compinit -D -u; source '${file}'; print REA''DY"`,
        "zpty -r z shown '*READY*'",
        ...cases.flatMap(([words, [offer]]) => [
          `zpty -w -n z $'\\C-u${words.join(" ")}\\t'; zpty -r z shown '*${offer}*' && print -r -- '${offer}'`,
        ]),
      ].join("\n")
      const typed = yield* runProgram("zsh", ["-f", "-c", typing], withCommand(at))
      const offers = cases.map(([, [offer]]) => `${offer}\n`)
      assert.deepStrictEqual([typed.stdout, typed.stderr], [offers.join(""), ""])
    }),
  )

  it.live("refuses an unknown shell", () =>
    Effect.gen(function* () {
      const { run } = yield* home
      const { code, stderr } = yield* run(["--completions", "tcsh"])
      assert.strictEqual(code, 2)
      assert.include(stderr, "bash")
    }),
  )
})
