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

it("refuses a misspelt section whose right name is missing, at its key", () => {
  const models = `{ "fast": { "upstream": "a", "provider": "p" } }`
  for (const [wrong, right] of [
    ["modles", "models"],
    ["model", "models"],
    ["Models", "models"],
    ["provider", "providers"],
    ["feature", "features"],
    ["retnetion", "retention"],
    ["listn", "listen"],
  ] as const) {
    const [problem, ...others] = problemsOf(`{\n  "${wrong}": ${right === "models" ? models : '{ "x": 1 }'}\n}`)
    assert.deepStrictEqual(others, [], wrong)
    assert.deepInclude(problem, { path: `/${wrong}`, line: 2, column: 3 })
    assert.strictEqual(problem?.message, `unknown section "${wrong}" (did you mean "${right}"?): correct its name`)
  }
  // Another problem does not hide it, and its right name makes it a warning.
  const hidden = problemsOf(`{ "default_model_alias": "fast", "modles": ${models} }`)
  assert.sameMembers(
    hidden.map(({ path }) => path),
    ["/default_model_alias", "/modles"],
  )
  assert.deepStrictEqual(problemsOf(`{ "modles": ${models}, "models": {} }`), [])
  assert.deepStrictEqual(problemsOf(`{ "modles": "a note", "provider": {}, "team": { "models": {} } }`), [])
})

it("describes the defaults that each kind of provider gets", () => {
  const schema = ConfigDocument.jsonSchema(HostConfig) as any
  const kinds = schema.properties.providers.additionalProperties.anyOf.map(({ properties }: any) => {
    const [kind] = properties.kind.enum
    const loaded = Result.getOrThrow(document.load(`{ "providers": { "p": { "kind": "${kind}" } } }`, {}))
    const revealed = document.reveal(loaded) as any
    for (const [key, property] of Object.entries<any>(properties)) {
      if (key !== "kind") assert.strictEqual(property.default, revealed.providers.p[key], `${kind}: ${key}`)
    }
    return [kind, properties.base_url?.default]
  })
  assert.deepStrictEqual(kinds, [
    ["openai", "https://api.openai.com/v1"],
    ["anthropic", "https://api.anthropic.com"],
    ["echo", undefined],
  ])
})

it("seeds a document without warnings", () => {
  const loaded = Result.getOrThrow(document.load(Result.getOrThrow(document.seed), {}))
  assert.deepStrictEqual(loaded.warnings, [])
})
