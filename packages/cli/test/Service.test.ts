/** `service print`: definitions that systemd and launchd accept, with any path. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { home, program, runProgram } from "./Command.ts"

const odd = 'odd %n $HOME "q" <b> & é'

describe("service print", () => {
  it.live("prints a unit that systemd-analyze accepts, with this Node, this program and this document", (context) =>
    Effect.gen(function* () {
      const { directory, env, run } = yield* home
      const config = join(directory, odd, "c.json")
      mkdirSync(join(directory, odd))
      const { code, stderr, stdout } = yield* run(["service", "print", "--systemd", "--config", config])
      assert.strictEqual(code, 0)
      assert.include(stderr, "systemctl --user enable --now signalbox")
      assert.include(stdout, `ExecStart=${process.execPath} ${program} serve --config "`)
      assert.include(stdout, 'odd %%n $$HOME \\"q\\" <b> & é/c.json"')
      assert.match(stdout, /^ReadWritePaths=".*odd %%n \$HOME/m)
      const unit = join(directory, "signalbox.service")
      writeFileSync(unit, stdout)
      const verified = yield* runProgram("sh", ["-c", 'systemd-analyze verify --man=no "$0" 2>&1', unit], env)
      if (verified.code === 127) return context.skip("there is no systemd-analyze here")
      assert.deepStrictEqual(verified, { code: 0, stdout: "", stderr: "" })
      // systemd-analyze does report mistakes.
      writeFileSync(unit, readFileSync(unit, "utf8").replace("ExecStart=/", "ExecStart=/no/where/"))
      assert.notStrictEqual((yield* runProgram("systemd-analyze", ["verify", "--man=no", unit], env)).code, 0)
    }),
  )

  it.live("prints a well-formed property list with all arguments in order", () =>
    Effect.gen(function* () {
      const { directory, json, run } = yield* home
      const config = join(directory, odd, "c.json")
      const { code, stdout } = yield* run(["service", "print", "--launchd", "--config", config])
      assert.strictEqual(code, 0)
      const document = parseElements(stdout)
      const words = document.slice(document.indexOf("ProgramArguments") + 1).slice(0, 5)
      assert.deepStrictEqual(words, [process.execPath, program, "serve", "--config", config])
      const { file, kind } = yield* json(["service", "print", "--launchd"])
      assert.deepStrictEqual([kind, file], ["launchd", "~/Library/LaunchAgents/org.signalbox.host.plist"])
    }),
  )

  it.live("prints a command that runs the sources in a clone of the repository", () =>
    Effect.gen(function* () {
      const { env } = yield* home
      const main = join(import.meta.dirname, "..", "src", "main.ts")
      const node = [process.execPath, "--conditions=@signalbox/source", main]
      const run = (...words: ReadonlyArray<string>) =>
        runProgram(process.execPath, [...node.slice(1), "service", "print", ...words], env)
      const { code, stderr, stdout } = yield* run("--systemd")
      assert.strictEqual(code, 0, stderr)
      const [, command = ""] = /^ExecStart=(.*)$/m.exec(stdout) ?? []
      assert.strictEqual(command.slice(0, command.indexOf(" serve")), node.join(" "))
      const texts = parseElements((yield* run("--launchd")).stdout)
      assert.deepStrictEqual(texts.slice(texts.indexOf("ProgramArguments") + 1).slice(0, 4), [...node, "serve"])
      // Runs the command as systemd does, from another directory.
      const started = yield* runProgram("sh", ["-c", `cd / && exec ${command} --help`], env)
      assert.deepInclude(started, { code: 0, stderr: "" })
      assert.include(started.stdout, "Run the host")
    }),
  )

  it.live("refuses a path with control characters", () =>
    Effect.gen(function* () {
      const { run } = yield* home
      const { code, stdout } = yield* run(["service", "print", "--systemd", "--config", "/a\nExecStart=/bin/x"])
      assert.deepStrictEqual([code, stdout], [1, ""])
    }),
  )
})

/** Returns the texts of an XML document in order. Fails when elements are not closed in order. */
const parseElements = (xml: string): ReadonlyArray<string> => {
  const texts: Array<string> = []
  const open: Array<string> = []
  const tokens = xml.replace(/^<\?xml[^>]*\?>\s*<!DOCTYPE[^>]*>/, "").matchAll(/<(\/?)(\w+)[^<>]*?(\/?)>|([^<>]+)/g)
  for (const [, closing, name, selfClosed, text] of tokens) {
    if (text !== undefined) {
      assert.notMatch(text, /&(?!(?:amp|lt|gt);)/)
      if (text.trim() !== "") {
        texts.push(text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&"))
      }
    } else if (closing === "/") assert.strictEqual(open.pop(), name)
    else if (selfClosed !== "/") open.push(name ?? "")
  }
  assert.deepStrictEqual(open, [])
  return texts
}
