import { assert, it } from "@effect/vitest"
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import { HostConfig } from "@signalbox/server"
import { Result } from "effect"

const document = ConfigDocument.make({ schema: HostConfig.schema, environmentPrefix: "SIGNALBOX" })
const problemsOf = (text: string) =>
  Result.match(document.load(text, {}), { onFailure: (problems) => problems, onSuccess: () => [] })

it("accepts a document of copilot-api unchanged, with the provider default for its models", () => {
  const text = `{
    "version": 1,
    "models": { "fast": { "upstream": "gpt-4.1-mini", "enabled": true, "allowed_keys": ["*"] }, "smart": { "upstream": "gpt-5" } },
    "retention": { "events_days": 60, "traces_days": 60, "traces_max_bytes": 104857600 },
    "features": { "auth": true, "telemetry": false, "debug": false },
    "default_model_alias": "fast"
  }`
  const loaded = Result.getOrThrow(document.load(text, {}))
  assert.deepStrictEqual(
    loaded.warnings.map(({ line, message, path }) => ({ line, message, path })),
    [
      {
        line: 3,
        path: "/models/fast/provider",
        message: 'there is no provider "default", which 2 models use: add it to providers, or name another',
      },
    ],
  )
  assert.deepStrictEqual(loaded.config.models["smart"], {
    upstream: "gpt-5",
    provider: "default",
    enabled: true,
    allowedKeys: ["*"],
  })
  assert.deepStrictEqual(loaded.config.listen, { host: "127.0.0.1", port: 4747, names: [] })
})

it("refuses an address beyond loopback at its path unless keys are required", () => {
  const [problem, ...others] = problemsOf(`{ "listen": { "host": "0.0.0.0" } }`)
  assert.deepStrictEqual(others, [])
  assert.strictEqual(problem?.path, "/listen/host")
  assert.deepStrictEqual(problemsOf(`{ "listen": { "host": "0.0.0.0" }, "features": { "auth": true } }`), [])
  assert.deepStrictEqual(problemsOf(`{ "listen": { "host": "127.8.9.1" } }`), [])
  assert.deepStrictEqual(problemsOf(`{ "listen": { "host": "::1" } }`), [])
})

it("refuses a default alias without a model at its path", () => {
  const [problem] = problemsOf(`{ "models": { "fast": { "upstream": "a" } }, "default_model_alias": "fats" }`)
  assert.strictEqual(problem?.path, "/default_model_alias")
  assert.include(problem?.message, '"fast"')
})

it("warns about a model without a provider, with its position and near names", () => {
  const text = `{
    "providers": { "openai": { "kind": "openai", "api_key": "k" } },
    "models": { "fast": { "upstream": "a", "provider": "openai" }, "slow": { "upstream": "b", "provider": "opnai" } }
  }`
  const [warning, ...others] = Result.getOrThrow(document.load(text, {})).warnings
  assert.deepStrictEqual(others, [])
  assert.deepInclude(warning, { path: "/models/slow/provider", line: 3, column: 107 })
  assert.strictEqual(
    warning?.message,
    'there is no provider "opnai" (did you mean "openai"?): add it to providers, or name another',
  )
})

it("seeds a document without warnings", () => {
  const loaded = Result.getOrThrow(document.load(Result.getOrThrow(document.seed), {}))
  assert.deepStrictEqual(loaded.warnings, [])
})
