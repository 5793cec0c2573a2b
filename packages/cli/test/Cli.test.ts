/** Behaviour that all commands share: usage errors, help, exit codes and output. */
import { spawnSync } from "node:child_process"
import { closeSync, existsSync, openSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { version } from "@signalbox/api/Version"
import { Effect } from "effect"
import { home, program, runProgram } from "./Command.ts"

const escape = "\u001b"

describe("the command", () => {
  it.live("prints its version from the launcher and from the full program", () =>
    Effect.gen(function* () {
      const { run } = yield* home
      assert.deepStrictEqual(yield* run(["--version"]), { code: 0, stdout: `signalbox ${version}\n`, stderr: "" })
      assert.deepStrictEqual(yield* run(["config", "--version"]), {
        code: 0,
        stdout: `signalbox ${version}\n`,
        stderr: "",
      })
    }),
  )

  it.live("prints help with every command on standard output when requested", () =>
    Effect.gen(function* () {
      const { run } = yield* home
      const { code, stderr, stdout } = yield* run(["--help"])
      assert.deepStrictEqual([code, stderr], [0, ""])
      for (const name of [
        "serve",
        "status",
        "models",
        "services",
        "stats",
        "events",
        "keys",
        "doctor",
        "service",
        "config",
        "reload",
      ]) {
        assert.match(stdout, new RegExp(`^  ${name} `, "m"))
      }
      assert.notInclude(stdout, escape)
    }),
  )

  it.live("prints the same help for a group alone, with help before it and with --help after it", () =>
    Effect.gen(function* () {
      const { run } = yield* home
      for (const words of [[], ["config"], ["keys"]]) {
        const requested = yield* run([...words, "--help"])
        assert.deepStrictEqual(yield* run(words), requested)
        assert.deepStrictEqual(yield* run(["help", ...words]), requested)
      }
      assert.include((yield* run(["help", "config", "set"])).stdout, "signalbox config set [flags] <path> <value>")
    }),
  )

  const wrong: ReadonlyArray<readonly [words: ReadonlyArray<string>, expected: RegExp]> = [
    [["modles"], /there is no command "modles" \(did you mean "models"\?\)/],
    [["help", "modles"], /signalbox has no command "modles" \(did you mean "models"\?\)/],
    [["help", "config", "plann"], /signalbox config has no command "plann" \(did you mean "plan"\?\)/],
    [["models", "--jsn"], /there is no flag --jsn \(did you mean "--json"\?\)/],
    [["config", "set", "a"], /signalbox config set needs <value>\nhint: write `signalbox config set <path> <value>`/],
    [
      ["config", "get", "a", "b"],
      /signalbox config get does not take "b"\nhint: write `signalbox config get \[<path>\]`/,
    ],
    [["serve", "--port", "70000"], /--port takes a number from 0 to 65535, not "70000"/],
    [["serve", "--port", "x"], /--port takes a number from 0 to 65535, not "x"/],
    [["serve", "--port"], /--port needs a value: PORT/],
    [["serve", "--log-format", "xml"], /--log-format takes text or json, not "xml"/],
    [["serve", "--strict=maybe"], /--strict takes no value/],
    [["models", "--config", "a", "--config", "b"], /--config may occur only once/],
    [["stats", "--window", "9d"], /--window takes a time of 1 minute to 24 hours, not "9d"/],
    [["models", "--config", ""], /--config names no file/],
    [["config", "get", "a..b"], /"a..b" is not a path/],
    [["config", "set", "models.a", "{x"], /begins like JSON but is not valid JSON/],
    [["config", "plan"], /there is nothing to plan/],
    [["config", "plan", "a", "1", "b"], /a value is missing/],
    [["events", "--types", "config.chnged"], /did you mean "config.changed"\?/],
    [["events", "--since", "bogus"], /"bogus" is not a cursor\nhint: --since takes /],
    [["status", "--tmux", "--theme", "white-on-blu"], /did you mean "white-on-blue"\?/],
    [["status", "--tmux", "--fg", "#[red]"], /--fg takes a colour of tmux, not "#\[red\]"/],
    [["status", "--tmux", "--max-length", "0"], /--max-length takes a number from 1 to 99999, not "0"/],
    ...[["--narrow"], ["--max-length", "5"], ["--theme", "x"], ["--fg", "red"], ["--bg", "red"]].map(
      (words) => [["status", ...words], new RegExp(`${words[0]} needs --tmux`)] as const,
    ),
    [["service", "print", "--systemd", "--launchd"], /exclude each other/],
  ]
  for (const [words, expected] of wrong) {
    it.live(`exits with 2, one line and a hint for: signalbox ${words.join(" ")}`, () =>
      Effect.gen(function* () {
        const { run } = yield* home
        const { code, stderr, stdout } = yield* run(words)
        assert.match(stderr, expected)
        assert.deepStrictEqual([code, stdout], [2, ""])
        const [first = "", second = "", ...more] = stderr.trimEnd().split("\n")
        assert.match(first, /^signalbox: /)
        assert.match(second, /^hint: /)
        assert.notMatch(stderr, /Expected|Invalid|Missing|finite number/)
        assert.deepStrictEqual(more, [])
        assert.notInclude(stderr, escape)
      }),
    )
  }

  it.live("refuses bytes that are not UTF-8 in any argument and in the path of the document", () =>
    Effect.gen(function* () {
      const { config, directory, env, run } = yield* home
      const shell = (words: string, before = "") =>
        runProgram("bash", ["-c", `cd '${directory}'; ${before} "${process.execPath}" "${program}" ${words}`], env)
      const bytes = String.raw`$'caf\xe9'`
      for (const words of [
        `config set models.echo.upstream ${bytes}`,
        `config set models.${bytes}.upstream x`,
        `config plan --unset models.${bytes}`,
        `keys add ${bytes}`,
        `keys add alice --label=${bytes}`,
        `config get --config ${bytes}`,
        `status --tmux --config ${bytes}`,
        `${bytes} --json`,
      ]) {
        const { code, stderr, stdout } = yield* shell(words)
        assert.deepStrictEqual([code, stdout], [2, ""], words)
        assert.match(stderr, /argument \d is not UTF-8/, words)
      }
      for (const before of [`SIGNALBOX_CONFIG=${bytes}`, `XDG_DATA_HOME=/tmp/${bytes}`]) {
        const { code, stderr } = yield* shell("config set models.echo.upstream x", before)
        assert.deepStrictEqual([code, stderr.includes("the path of the document is not UTF-8")], [2, true], before)
      }
      assert.isFalse(existsSync(config))
      // U+FFFD itself is UTF-8.
      const meant = yield* run(["config", "set", "models.echo.upstream", "a\ufffd"])
      assert.strictEqual(meant.code, process.platform === "linux" ? 0 : 2, meant.stderr)
    }),
  )

  it.live("prints a usage error as one JSON problem on standard error with --json", () =>
    Effect.gen(function* () {
      const { run } = yield* home
      const { code, stderr, stdout } = yield* run(["modles", "--json"])
      assert.deepStrictEqual([code, stdout], [2, ""])
      const problem = JSON.parse(stderr)
      assert.strictEqual(problem.type, "urn:signalbox:problem:usage")
      assert.strictEqual(problem.exitCode, 2)
      assert.include(problem.title, "modles")
    }),
  )

  it.live("exits with 3 and creates no file when a command needs a host", () =>
    Effect.gen(function* () {
      const { json, run } = yield* home
      for (const words of [["reload"], ["services"], ["events"], ["status"]]) {
        const { code, stderr, stdout } = yield* run(words)
        assert.deepStrictEqual([code, stdout], [3, ""], words.join(" "))
        assert.include(stderr, "no host is running on")
        assert.include(stderr, "signalbox serve")
      }
      assert.isFalse((yield* json(["config", "path"])).exists)
    }),
  )

  it.live("escapes control characters from arguments", () =>
    Effect.gen(function* () {
      const { run } = yield* home
      const { stderr } = yield* run(["config", "get", `models."\\u001b[31m\\u009b2J\\u202e"`])
      assert.notMatch(stderr.replaceAll("\n", ""), /[\p{Cc}\u202e]/u)
      assert.include(stderr, "u001b")
    }),
  )

  it.live("prints colours with FORCE_COLOR, and none with NO_COLOR", () =>
    Effect.gen(function* () {
      const { run } = yield* home
      const coloured = yield* run(["config", "history"], { env: { FORCE_COLOR: "1" } })
      const models = yield* run(["models"], { env: { FORCE_COLOR: "1" } })
      assert.strictEqual(coloured.code, 0)
      assert.include(models.stdout, escape)
      const plain = yield* run(["models"], { env: { FORCE_COLOR: "1", NO_COLOR: "1" } })
      assert.notInclude(plain.stdout, escape)
    }),
  )

  it.live("fails when standard output is on a full disk, and succeeds when its reader has closed the pipe", () =>
    Effect.gen(function* () {
      const { env } = yield* home
      const full = openSync("/dev/full", "w")
      for (const words of [
        ["--version"],
        ["config", "--version"],
        ["--help"],
        ["config", "set", "-h"],
        ["--completions", "fish"],
        ["config", "schema"],
        ["models"],
      ]) {
        const { status, stderr } = spawnSync(process.execPath, [program, ...words], {
          env,
          stdio: ["ignore", full, "pipe"],
        })
        const result = [status, String(stderr)]
        assert.deepStrictEqual(result, [1, "signalbox: the output could not be written (ENOSPC)\n"], words.join(" "))
      }
      const add = [program, "keys", "add", "alice"]
      const { status, stderr } = spawnSync(process.execPath, add, { env, stdio: ["ignore", full, "pipe"] })
      assert.strictEqual(status, 1)
      assert.match(
        String(stderr),
        /^signalbox: .*ENOSPC.*alice.*\nhint: remove it with `signalbox keys revoke alice`.*\n$/,
      )
      closeSync(full)
      // `true` ends before Node has started.
      for (const words of ["config schema", "--help", "--completions fish", "--version"]) {
        const pipe = `"${process.execPath}" "${program}" ${words} | true; exit \${PIPESTATUS[0]}`
        assert.deepStrictEqual(yield* runProgram("bash", ["-c", pipe], env), { code: 0, stdout: "", stderr: "" }, words)
      }
    }),
  )
})
