import { assert, describe, it } from "@effect/vitest"
import { DefaultModelAlias, defaultModelAliasProblem, ModelSettings, maxModels } from "@signalbox/core/ModelSettings"
import { ProviderSettings } from "@signalbox/core/Providers"
import { Result, Schema } from "effect"

describe("ModelSettings and ProviderSettings", () => {
  // The schema of a host. A copilot-api document must decode with it.
  const HostDocument = Schema.Struct({
    version: Schema.Literal(1),
    models: ModelSettings.schema,
    defaultModelAlias: DefaultModelAlias.schema,
    providers: ProviderSettings.schema,
  })
    .check(
      Schema.makeFilter(({ defaultModelAlias, models }) => {
        const issue = defaultModelAliasProblem(models, defaultModelAlias)
        return issue === undefined ? undefined : { path: ["defaultModelAlias"], issue }
      }),
    )
    .pipe(Schema.encodeKeys({ defaultModelAlias: "default_model_alias" }))
  const decode = Schema.decodeUnknownResult(HostDocument)
  const problem = (document: object): string => {
    const result = decode({ version: 1, ...document })
    return Result.isFailure(result) ? result.failure.message : "accepted"
  }

  it("decodes a copilot-api document, with the default provider for its models", () => {
    const result = decode({
      version: 1,
      models: {
        fast: { upstream: "gpt-4o-mini" },
        smart: { upstream: "claude-sonnet-4", enabled: false, allowed_keys: ["ci", "alice"] },
      },
      retention: { events_days: 60, traces_days: 60, traces_max_bytes: 104857600 },
      default_model_alias: "fast",
    })
    assert.deepStrictEqual(Result.getOrThrow(result), {
      version: 1,
      models: {
        fast: { upstream: "gpt-4o-mini", provider: "default", enabled: true, allowedKeys: ["*"] },
        smart: { upstream: "claude-sonnet-4", provider: "default", enabled: false, allowedKeys: ["ci", "alice"] },
      },
      defaultModelAlias: "fast",
      providers: {},
    })
  })

  it("decodes a document without models and providers", () => {
    assert.deepStrictEqual(Result.getOrThrow(decode({ version: 1 })), {
      version: 1,
      models: {},
      defaultModelAlias: "",
      providers: {},
    })
  })

  it("encodes decoded settings as the document spells them", () => {
    const document = {
      version: 1,
      models: { a: { upstream: "u", provider: "p", enabled: true, allowed_keys: ["*"] } },
      default_model_alias: "a",
      providers: { p: { kind: "openai", base_url: "http://localhost:8080/v1", api_key: "k" }, e: { kind: "echo" } },
    }
    assert.deepStrictEqual<unknown>(Schema.encodeSync(HostDocument)(Result.getOrThrow(decode(document))), document)
  })

  it("refuses an invalid name, URL, kind or default alias at its path", () => {
    assert.include(problem({ models: { " a": { upstream: "u" } } }), '["models"][" a"]')
    assert.include(problem({ models: { ["a".repeat(201)]: { upstream: "u" } } }), "1 to 200 visible characters")
    assert.include(problem({ models: { a: { upstream: "" } } }), '["models"]["a"]["upstream"]')
    assert.include(problem({ models: { a: { upstream: "u\n" } } }), '["models"]["a"]["upstream"]')
    assert.include(problem({ models: { a: { upstream: "u", allowed_keys: "*" } } }), '["models"]["a"]["allowed_keys"]')
    assert.include(problem({ providers: { p: { kind: "ollama" } } }), '"openai", "anthropic" or "echo"')
    assert.include(problem({ providers: { p: { kind: "openai", base_url: "ftp://x" } } }), "base_url")
    assert.include(
      problem({ models: { fast: { upstream: "u" } }, default_model_alias: "fats" }),
      'is not an alias of models (did you mean "fast"?)',
    )
  })

  it("refuses a credential in a base URL without showing it", () => {
    for (const url of ["https://me:hunter2@host/v1", "https://host/v1?key=hunter2", "https://host/v1#hunter2"]) {
      const refusal = problem({ providers: { p: { kind: "openai", base_url: url } } })
      assert.include(refusal, "put a credential into api_key")
      assert.notInclude(refusal, "hunter2")
    }
    assert.notInclude(problem({ providers: { p: { kind: "openai", api_key: ["hunter2"] } } }), "hunter2")
  })

  it("refuses more than 10,000 models", () => {
    const record = (size: number) =>
      Object.fromEntries(Array.from({ length: size }, (_, index) => [`m${index}`, { upstream: "u" }]))
    assert.strictEqual(maxModels, 10_000)
    assert.include(problem({ models: record(maxModels + 1) }), "10000")
  })
})
