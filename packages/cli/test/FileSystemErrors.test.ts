/** Full and read-only disks, missing directories and missing rights. Disks are small file systems in memory, mounted for one process only. */
import { spawnSync } from "node:child_process"
import { chmodSync, chownSync, existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { home, program, runProgram, started } from "./Command.ts"

/** A mount namespace, and a user namespace for users other than root. */
const unshare = ["--mount", ...(process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"])]

/** Why no file system can be mounted here. `undefined` if one can. */
const refusal = (): string | undefined => {
  const { error, status, stderr } = spawnSync("unshare", [...unshare, "mount", "-t", "tmpfs", "x", "/mnt"])
  if (error !== undefined) return error.message
  return status === 0 ? undefined : String(stderr).trim() || `unshare ended with ${status}`
}

interface Step {
  readonly code: number
  readonly output: string
}

/** Runs a shell script on a new file system of 256 KiB, where `box` is the command. Returns the code and the output of each call. */
const steps = (script: string): Effect.Effect<ReadonlyArray<Step>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { directory, env } = yield* home
    const disk = join(directory, "data")
    const prelude = `
      mkdir -p "${disk}" && mount -t tmpfs -o size=256k,mode=0700 signalbox "${disk}" || exit 99
      box() { said=$("${process.execPath}" "${program}" "$@" 2>&1 </dev/null); echo "code $?"; printf '%s\\n' "$said" | sed 's/^/| /'; }
    `
    const { code, stderr, stdout } = yield* runProgram("unshare", [...unshare, "sh", "-c", prelude + script], env)
    assert.deepStrictEqual([code, stderr], [0, ""], stdout)
    return stdout
      .split(/^code /m)
      .slice(1)
      .map((part) => {
        const [first = "", ...rest] = part.split("\n")
        return { code: Number(first), output: rest.map((line) => line.slice(2)).join("\n") }
      })
  })

describe("a disk that cannot be written", () => {
  it.live("refuses a change on a full disk, still reads, and writes again once there is space", (context) =>
    Effect.gen(function* () {
      const refused = refusal()
      if (refused !== undefined) return context.skip(refused)
      const [first, full, reading, keys, doctor, later] = yield* steps(`
        box config set models.echo.upstream before
        dd if=/dev/zero of="$XDG_DATA_HOME/filler" bs=1k 2>/dev/null
        box config set models.echo.upstream after
        box config get models.echo.upstream
        box keys add alice
        box doctor
        rm "$XDG_DATA_HOME/filler"
        box config set models.echo.upstream after
      `)
      assert.strictEqual(first?.code, 0, first?.output)
      assert.strictEqual(full?.code, 1, full?.output)
      assert.match(
        full?.output ?? "",
        /^signalbox: .* at \S+\/config\.json is not available \(ENOSPC: the disk is full\); .*\nhint: free some space/m,
      )
      assert.deepStrictEqual(reading, { code: 0, output: "before\n" })
      assert.strictEqual(keys?.code, 1, keys?.output)
      assert.strictEqual(doctor?.code, 1)
      assert.match(doctor?.output ?? "", /^PROBLEM +room /m)
      assert.strictEqual(later?.code, 0, later?.output)
    }),
  )

  it.live("starts a host whose files are in place with no space left, serves, and says what is missing", (context) =>
    Effect.gen(function* () {
      const refused = refusal()
      if (refused !== undefined) return context.skip(refused)
      const [first, full] = yield* steps(`
        serve() {
          # The host of before has printed here too.
          : > "$HOME/said"
          "${process.execPath}" "${program}" serve --port 0 > "$HOME/said" 2>&1 &
          while kill -0 $! && ! grep -q "^host.started" "$HOME/said"; do sleep 0.05; done
          kill -TERM $!; wait $!
          echo "code $?"; sed 's/^/| /' "$HOME/said"
        }
        serve
        dd if=/dev/zero of="$XDG_DATA_HOME/filler" bs=1k 2>/dev/null
        serve
      `)
      assert.strictEqual(first?.code, 0, first?.output)
      assert.strictEqual(full?.code, 0, full?.output)
      assert.match(full?.output ?? "", /^host\.started /m)
    }),
  )

  it.live("never opens a part of the document in the editor when its copy does not fit", (context) =>
    Effect.gen(function* () {
      const refused = refusal()
      if (refused !== undefined) return context.skip(refused)
      const [, edit, left, reading] = yield* steps(`
        box config set models.echo.upstream before
        { printf '// '; head -c 100000 /dev/zero | tr '\\0' x; echo; } >> "$XDG_DATA_HOME/signalbox/config.json"
        mkdir "$HOME/small" && mount -t tmpfs -o size=32k small "$HOME/small"
        export TMPDIR="$HOME/small" EDITOR=true
        box config edit --yes
        echo "code 0"; ls "$HOME/small"
        box config get --document
      `)
      assert.strictEqual(edit?.code, 1, edit?.output)
      assert.match(
        edit?.output ?? "",
        /^signalbox: no copy can be written to \S+small \(ENOSPC\)\nhint: free some space.*\n$/,
      )
      assert.strictEqual(left?.output, "")
      assert.isAbove(reading?.output.length ?? 0, 100_000)
    }),
  )

  it.live("reads from a read-only disk, and reports once that it cannot write", (context) =>
    Effect.gen(function* () {
      const refused = refusal()
      if (refused !== undefined) return context.skip(refused)
      const [, ...done] = yield* steps(`
        box config set models.echo.upstream before
        mount -o remount,ro "$XDG_DATA_HOME"
        box config get models.echo.upstream
        box models
        box stats
        box keys list
        box config history
        box config plan models.echo.upstream after
        box config set models.echo.upstream after
        box config undo
        box keys add alice
        EDITOR="touch $HOME/opened; true" box config edit --yes
        test ! -e "$HOME/opened" || exit 98
        box serve --port 0
        box doctor
      `)
      const [reading, changing] = [done.slice(0, 6), done.slice(6)]
      assert.deepStrictEqual(
        reading.map(({ code }) => code),
        [0, 0, 0, 0, 0, 0],
        JSON.stringify(reading),
      )
      assert.deepStrictEqual(
        changing.map(({ code }) => code),
        [1, 1, 1, 1, 1, 1],
        JSON.stringify(changing),
      )
      for (const { output } of changing.slice(0, 4)) {
        assert.match(
          output,
          /^signalbox: \S+ cannot be written: .* is mounted read-only \(EROFS\)\nhint: make it writable.*\n$/,
        )
      }
      assert.match(changing[4]?.output ?? "", /^signalbox: .*read-only/)
      assert.match(changing[5]?.output ?? "", /^PROBLEM +writing .*read-only/m)
    }),
  )

  it.live("refuses a relative path in a removed working directory", () =>
    Effect.gen(function* () {
      const { directory, env } = yield* home
      const run = (words: string, more: Readonly<Record<string, string>> = {}) => {
        const gone = `mkdir "${directory}/gone" && cd "${directory}/gone" && rmdir "${directory}/gone"`
        const command = `"${process.execPath}" "${program}" ${words}`
        return runProgram("sh", ["-c", `${gone} && exec ${command}`], { ...env, ...more })
      }
      const relative = { SIGNALBOX_CONFIG: "config.json" }
      const bar = yield* run("status --tmux", relative)
      assert.deepStrictEqual([bar.code, bar.stdout, bar.stderr], [0, "", ""])
      for (const [words, more] of [
        ["serve", relative],
        ["status", relative],
        ["config get --config config.json", {}],
      ] as const) {
        const { code, stderr } = yield* run(words, more)
        assert.strictEqual(code, 1, stderr)
        assert.match(
          stderr,
          /^signalbox: the path of the document is relative, and the working directory was removed\nhint: /,
        )
      }
    }),
  )

  it.live("reports in a sentence that a directory of the path is a file", () =>
    Effect.gen(function* () {
      const { run } = yield* home
      const env = { XDG_DATA_HOME: join(process.execPath, "below"), XDG_CACHE_HOME: process.execPath }
      for (const words of [
        ["config", "set", "features.auth", "true"],
        ["keys", "add", "alice"],
        ["serve", "--port", "0"],
      ]) {
        const { code, stderr, stdout } = yield* run(words, { env })
        assert.deepStrictEqual([code, stdout], [1, ""], `${words.join(" ")}: ${stderr}`)
        assert.match(stderr, /^signalbox: /m)
        assert.notMatch(stderr, /^ +at /m)
      }
    }),
  )
})

const nobody = 65_534
const isRoot = process.getuid?.() === 0
/** Root may do everything, so another user runs the command. */
const plainly = isRoot ? ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"] : ["env"]
const cannotBePlain = (): boolean => spawnSync("env", [...plainly, "true"]).status !== 0

describe("a directory that this user may not write to", () => {
  it.live("refuses config edit in a directory without write permission before the editor opens", (context) =>
    Effect.gen(function* () {
      if (cannotBePlain()) return context.skip("there is no setpriv(1)")
      const { config, directory, env } = yield* home
      if (isRoot) chownSync(directory, nobody, nobody)
      const [command = "", ...before] = [...plainly, process.execPath, program]
      const host = yield* started(command, [...before, "serve", "--port", "0"], env)
      yield* host.lineWith("listens on")
      yield* Effect.acquireRelease(
        Effect.sync(() => chmodSync(dirname(config), 0o500)),
        () => Effect.sync(() => chmodSync(dirname(config), 0o700)),
      )
      const opened = join(directory, "opened")
      const edit = [...before, "config", "edit", "--yes"]
      const { code, stderr } = yield* runProgram(command, edit, { ...env, EDITOR: `touch ${opened}; true` })
      assert.strictEqual(code, 1)
      assert.match(stderr, /^signalbox: \S+config\.json cannot be written: .*\(EACCES\)\nhint: .*\n$/)
      assert.isFalse(existsSync(opened))
    }),
  )
})

describe("a directory of another user", () => {
  it.live("reports once that this user has no right to the directory of another user", (context) =>
    Effect.gen(function* () {
      if (cannotBePlain()) return context.skip("there is no setpriv(1)")
      const { config, directory, env, json } = yield* home
      yield* json(["config", "set", "features.debug", "true"])
      yield* json(["keys", "add", "alice"])
      chmodSync(directory, 0o755)
      chmodSync(join(directory, "data"), 0o755)
      yield* Effect.acquireRelease(
        Effect.sync(() => chmodSync(dirname(config), 0)),
        () => Effect.sync(() => chmodSync(dirname(config), 0o700)),
      )
      const [command = "", ...before] = [...plainly, process.execPath, program]
      for (const words of [
        ["config", "get"],
        ["config", "set", "features.auth", "true"],
        ["config", "undo"],
        ["config", "edit", "--yes"],
        ["models"],
        ["stats"],
        ["keys", "list"],
        ["keys", "add", "bob"],
        ["keys", "revoke", "alice"],
        ["status"],
        ["reload"],
        ["serve", "--port", "0"],
      ]) {
        const { code, stderr, stdout } = yield* runProgram(command, [...before, ...words], { ...env, EDITOR: "false" })
        assert.deepStrictEqual([code, stdout], [1, ""], `${words.join(" ")}: ${stderr}`)
        assert.match(stderr, /^signalbox: [^\n]*signalbox[^\n]*\(EACCES\)[^\n]*\nhint: [^\n]*\n$/, words.join(" "))
      }
      const doctor = yield* runProgram(command, [...before, "doctor"], env)
      assert.strictEqual(doctor.code, 1)
      assert.match(doctor.stderr, /^signalbox: \d+ problems found\n$/)
      assert.match(doctor.stdout, /^PROBLEM +host +it is unknown whether a host is running/m)
    }),
  )
})
