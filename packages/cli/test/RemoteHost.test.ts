/** `--host URL`: a host elsewhere, with its admin token. */
import { readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { home, program, started } from "./Command.ts"

describe("--host", () => {
  it.live("works with a host of another home, by a token in the environment or in a file", () =>
    Effect.gen(function* () {
      const [there, here] = [yield* home, yield* home]
      yield* there.host()
      const { url } = yield* there.json(["status"])
      const token = readFileSync(join(dirname(there.config), "admin.token"), "utf8").trim()
      const env = { SIGNALBOX_TOKEN: token }
      const remote = (...words: ReadonlyArray<string>) => here.run([...words, "--host", url], { env })
      assert.deepInclude(JSON.parse((yield* remote("status", "--json")).stdout), { url, ready: true })
      assert.match((yield* remote("status")).stdout, new RegExp(`^ready {2}${url} {2}version \\S+\n`))
      const set = yield* remote("config", "set", "models.echo.upstream", "elsewhere")
      assert.deepStrictEqual([set.code, set.stderr], [0, ""])
      assert.strictEqual((yield* there.json(["config", "get", "models.echo.upstream"])).value, "elsewhere")
      assert.include((yield* remote("models")).stdout, "elsewhere")
      assert.match((yield* remote("keys", "add", "alice")).stdout, /^sk-/)
      assert.strictEqual((yield* there.json(["keys", "list"])).credentials.length, 1)
      for (const words of [["stats"], ["reload"], ["config", "history"]])
        assert.strictEqual((yield* remote(...words)).code, 0, words.join(" "))
      const file = join(here.directory, "token")
      writeFileSync(file, `${token}\n`)
      assert.strictEqual((yield* here.run(["models", "--host", `${url}/`, "--token-file", file])).code, 0)
      const events = yield* started(process.execPath, [program, "events", "--since", "0:0", "--host", url], {
        ...here.env,
        ...env,
      })
      yield* events.lineWith("config.changed")
      assert.strictEqual(events.stderr(), `following the events of ${url}; Ctrl-C ends it\n`)
      assert.isFalse((yield* here.json(["config", "path"])).exists)
      for (const local of [
        ["serve"],
        ["doctor"],
        ["service", "print"],
        ["config", "path"],
        ["providers", "test", "echo"],
        ["status", "--tmux"],
      ]) {
        const { code, stderr } = yield* remote(...local)
        assert.match(stderr, /--host does not work here: .* only on the machine of the host\nhint: /, local.join(" "))
        assert.strictEqual(code, 2)
      }
    }),
  )

  it.live("names what is wrong with the address, the token or the host, and never the token", () =>
    Effect.gen(function* () {
      const at = yield* home
      const answers: ReadonlyArray<readonly [path: string, type: string, detail: string]> = [
        ["/api/models", "forbidden", "The Host header names another host. Use localhost."],
        ["/api/services", "unauthorized", "no"],
      ]
      const server = yield* Effect.acquireRelease(
        Effect.promise(
          () =>
            new Promise<ReturnType<typeof createServer>>((resolve) => {
              const server = createServer((request, response) => {
                const [, type, detail] = answers.find(([path]) => path === request.url) ?? []
                response.writeHead(403).end(JSON.stringify({ type: `urn:signalbox:problem:${type}`, detail }))
              })
              server.listen(0, "127.0.0.1", () => resolve(server))
            }),
        ),
        (server) => Effect.sync(() => void server.close()),
      )
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const token = "t".repeat(43)
      const wrong = join(at.directory, "wrong")
      writeFileSync(wrong, "sk-not-a-token")
      const cases: ReadonlyArray<readonly [words: ReadonlyArray<string>, token: string, code: number, says: RegExp]> = [
        [["models", "--host", url], "", 2, /--host needs the admin token of that host\nhint: set SIGNALBOX_TOKEN/],
        [["models", "--host", url], "sk-half", 2, /SIGNALBOX_TOKEN holds no admin token/],
        [["models", "--host", url, "--token-file", wrong], token, 2, /wrong holds no admin token/],
        [["models", "--token-file", wrong], token, 2, /--token-file needs --host/],
        [["models", "--host", url, "--config", "x"], token, 2, /--host and --config exclude each other/],
        [["models", "--host", "box:4747"], token, 2, /--host takes the address of a host/],
        [["models", "--host", `${url}/api`], token, 2, /--host takes the address of a host/],
        [["models", "--host", "http://me:secret@box"], token, 2, /--host takes the address of a host/],
        [
          ["models", "--host", "http://127.0.0.1:1"],
          token,
          1,
          /the host at http:\/\/127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)/,
        ],
        [
          ["models", "--host", "https://127.0.0.1:1"],
          token,
          1,
          /the host at https:\/\/127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)/,
        ],
        [
          ["models", "--host", "http://host.invalid"],
          token,
          1,
          /^warning: the token goes to host\.invalid without encryption.*\n.*cannot be reached/,
        ],
        [
          ["models", "--host", url],
          token,
          1,
          /names another host.*\nhint: use an IP address of the host, or add this name to listen\.names/,
        ],
        [
          ["services", "--host", url],
          token,
          1,
          /does not accept the admin token\nhint: the token is the text of admin\.token/,
        ],
        [["config", "validate", "--host", url], token, 2, /with --host, name the file to check/],
      ]
      for (const [words, text, code, says] of cases) {
        const ended = yield* at.run(words, { env: { SIGNALBOX_TOKEN: text } })
        assert.match(ended.stderr, says, words.join(" "))
        assert.deepStrictEqual([ended.code, ended.stdout], [code, ""], words.join(" "))
        assert.notMatch(ended.stderr, /ttt|sk-|secret@/)
      }
    }),
  )
})
