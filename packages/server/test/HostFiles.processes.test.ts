/** Every file that a host writes is private to its owner, even if the umask would allow more. */
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { assert, it } from "@effect/vitest"
import { hostPaths } from "@signalbox/server/HostPaths"
import { Effect } from "effect"
import { command, start, temporaryDirectory, until } from "./processes/HostProcess.ts"

/** Starts a process with umask 0. */
const withOpenUmask = (words: ReadonlyArray<string>) => start("sh", ["-c", 'umask 0; exec "$@"', "sh", ...words])

/** The files and directories below a directory. A host may remove a temporary file between the list and the stat. */
const entriesOf = (directory: string) =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .flatMap((path) => {
      const info = statSync(path, { throwIfNoEntry: false })
      return info === undefined ? [] : [{ path: relative(directory, path), info }]
    })

const assertPrivate = (directory: string): ReadonlyArray<string> => {
  assert.strictEqual(statSync(directory).mode & 0o7777, 0o700, directory)
  const entries = entriesOf(directory)
  for (const { info, path } of entries) {
    assert.strictEqual((info.mode & 0o7777).toString(8), info.isDirectory() ? "700" : "600", path)
  }
  return entries.map(({ path }) => path)
}

it.live("keeps its files 0600 and its directories 0700, while it runs and after it has ended", () =>
  Effect.gen(function* () {
    const config = join(yield* temporaryDirectory, "a", "b", "config.json")
    const { directory } = hostPaths(config)
    const host = yield* withOpenUmask(command({ config }))
    const url = /http:\S+/.exec(yield* until(host, /istens on http/))?.[0] ?? ""
    yield* until(host, /host\.started/)
    const post = (path: string, token: string, body: object) =>
      Effect.promise(() =>
        fetch(`${url}${path}`, {
          method: "POST",
          headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
          body: JSON.stringify(body),
        }),
      )
    const call = { model: "echo", messages: [{ role: "user", content: "hello" }] }
    assert.strictEqual((yield* post("/v1/chat/completions", "none", call)).status, 200)
    const token = readFileSync(join(directory, "admin.token"), "utf8").trim()
    assert.strictEqual((yield* post("/api/credentials", token, { id: "one" })).status, 201)
    writeFileSync(config, readFileSync(config, "utf8").replace('"debug": false', '"debug": true'))
    yield* until(host, /config\.changed/)
    assertPrivate(directory)

    host.child.kill("SIGTERM")
    assert.strictEqual(yield* host.exit, 0)
    const left = assertPrivate(directory)
    assert.includeMembers(
      [...left],
      ["admin.token", "config.json", "credentials.json", "history", "host.lock", "ledger", "status.json"],
    )
    assert.isTrue(left.some((path) => /^history\/.+-config\.json$/.test(path)))
    assert.isTrue(left.some((path) => /^ledger\/.+\.entries$/.test(path)))
    assert.deepStrictEqual(
      left.filter((path) => path.endsWith(".new")),
      [],
    )
  }),
)
