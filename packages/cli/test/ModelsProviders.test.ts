/** `models` and `providers` as verbs. */
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import { HostConfig } from "@signalbox/server/HostConfig"
import { Effect } from "effect"
import { kinds } from "../src/internal/Commands/providers/kinds.ts"
import { home } from "./Command.ts"

const secret = "sk-live-4711aaaabbbbcccc"

/** A provider that lists one model to callers with the right key. */
const provider = Effect.map(
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer((request, response) => {
            const { authorization, "x-api-key": key } = request.headers
            if (request.url === "/broken/models") response.writeHead(503).end()
            else if (authorization !== `Bearer ${secret}` && key !== secret)
              response.writeHead(401).end(String(authorization))
            else if (/^\/v1\/models(?:\?limit=1000)?$/.test(request.url ?? ""))
              response.end('{"data":[{"id":"gpt-5"}]}')
            else response.writeHead(404).end()
          })
          server.listen(0, "127.0.0.1", () => resolve(server))
        }),
    ),
    (server) => Effect.sync(() => void server.close()),
  ),
  (server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
)

for (const withHost of [false, true]) {
  describe(withHost ? "with a host" : "without a host", () => {
    it.live("adds, lists and removes providers and models", () =>
      Effect.gen(function* () {
        const at = yield* home
        if (withHost) yield* at.host()
        const input = `${secret}\n`
        const added = yield* at.run(["providers", "add", "openai", "--api-key-stdin"], { input })
        assert.deepStrictEqual([added.code, (added.stdout + added.stderr).includes(secret)], [0, false], added.stderr)
        assert.include(readFileSync(at.config, "utf8"), secret)
        assert.strictEqual((yield* at.run(["models", "add", "gpt-4.1", "--provider", "openai"])).code, 0)
        assert.strictEqual(
          (yield* at.run(["models", "add", "fast", "gpt-5", "--provider=openai", "--keys", "a, b"])).code,
          0,
        )
        const { models } = yield* at.json(["models", "list"])
        assert.deepInclude(
          models.find(({ alias }: { alias: string }) => alias === "gpt-4.1"),
          { upstream: "gpt-4.1" },
        )
        assert.deepInclude(
          models.find(({ alias }: { alias: string }) => alias === "fast"),
          { allowedKeys: ["a", "b"] },
        )
        const { providers } = yield* at.json(["providers"])
        assert.deepInclude(
          providers.find(({ id }: { id: string }) => id === "openai"),
          { kind: "openai", hasKey: true },
        )
        for (const [words, code, says] of [
          [["models", "add", "fast"], 4, /there is a model "fast" already; nothing was changed/],
          [["models", "add", "slow"], 2, /needs a provider; nothing was changed\nhint: .*echo, openai/],
          [["models", "add", "slow", "--provider", "opena"], 1, /no provider "opena" \(did you mean "openai"\?\)/],
          [["models", "remove", "fats"], 1, /no model "fats" \(did you mean "fast"\?\); nothing was removed/],
          [["providers", "add", "openai"], 4, /there is a provider "openai" already/],
          [["providers", "add", "local"], 2, /provider "local" needs a kind; nothing was changed\nhint: add --kind/],
          [["providers", "add", "x", "--kind", "ftp"], 2, /--kind takes openai or anthropic or echo, not "ftp"/],
          [
            ["providers", "remove", "openai"],
            4,
            /models use the provider "openai": gpt-4\.1, fast; nothing was removed/,
          ],
          [["providers", "remove", "opnai"], 1, /no provider "opnai" \(did you mean "openai"\?\)/],
        ] as const) {
          const ended = yield* at.run(words)
          assert.strictEqual(ended.code, code, ended.stderr)
          assert.match(ended.stderr, says)
        }
        assert.strictEqual((yield* at.run(["models", "remove", "gpt-4.1"])).code, 0)
        assert.strictEqual((yield* at.run(["models", "remove", "fast"])).code, 0)
        assert.include((yield* at.run(["providers", "remove", "openai"])).stdout, "providers.openai: ")
        assert.notInclude(readFileSync(at.config, "utf8"), secret)
      }),
    )
  })
}

describe("providers test", () => {
  it.live("reports whether a provider accepts its address and key, without showing the key", () =>
    Effect.gen(function* () {
      const at = yield* home
      const url = yield* provider
      const add = (id: string, kind: string, path: string, key: string) =>
        at.run(
          [
            "providers",
            "add",
            id,
            "--kind",
            kind,
            "--base-url",
            `${url}${path}`,
            ...(key === "" ? [] : ["--api-key-stdin"]),
          ],
          { input: key },
        )
      yield* add("good", "openai", "/v1/", secret)
      yield* add("claude", "anthropic", "", secret)
      yield* add("wrong", "openai", "/v1", "sk-wrong-0000111122223333")
      yield* add("open", "openai", "/v1", "")
      yield* add("lost", "openai", "/v2", secret)
      yield* add("broken", "openai", "/broken", secret)
      yield* at.json(["providers", "add", "gone", "--kind", "openai", "--base-url", "http://127.0.0.1:1/v1"])
      yield* at.json(["models", "add", "fast", "gpt5", "--provider", "good"])
      for (const [id, code, says] of [
        [
          "good",
          0,
          /provider good works: .* lists 1 model, after \d+ ms\nwarning: model fast: .*"gpt5" \(did you mean "gpt-5"\?\)/,
        ],
        ["claude", 0, /provider claude works: .* lists 1 model/],
        ["echo", 0, /provider echo works/],
        [
          "wrong",
          1,
          /provider wrong refuses the key \(status 401\)\nhint: set it with `signalbox config set \/providers\/wrong\/api_key/,
        ],
        ["open", 1, /provider open needs a key/],
        ["lost", 1, /has no list of models at .*\/v2 \(status 404\)\nhint: check its base_url/],
        ["broken", 1, /provider broken fails \(status 503\)/],
        ["gone", 1, /cannot be reached at http:\/\/127\.0\.0\.1:1\/v1 \(ECONNREFUSED\)\nhint: nothing listens there/],
        ["goood", 1, /there is no provider "goood" \(did you mean "good"\?\)/],
      ] as const) {
        const ended = yield* at.run(["providers", "test", id])
        assert.match(ended.stdout + ended.stderr, says)
        assert.strictEqual(ended.code, code, id)
        assert.notMatch(ended.stdout + ended.stderr, /sk-/)
      }
    }),
  )

  it("knows the kinds of the schema", () => {
    const schema = JSON.stringify(ConfigDocument.jsonSchema(HostConfig))
    const found = [...schema.matchAll(/"kind":\{"type":"string","enum":\["(\w+)"\]\}/g)].map(([, kind]) => kind)
    assert.deepStrictEqual([...new Set(found)].toSorted(), [...kinds].toSorted())
  })
})
