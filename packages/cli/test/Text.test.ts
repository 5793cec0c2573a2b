/** Paths and the status bar on the command line, and the text that commands print. */
import { join } from "node:path"
import * as NodePath from "@effect/platform-node/NodePath"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import { dataDirectory } from "@signalbox/core/DataDirectory"
import { HostConfig } from "@signalbox/server/HostConfig"
import { ConfigProvider, Effect } from "effect"
import { tree } from "../src/internal/Commands/services.ts"
import { configPath, namedSections } from "../src/internal/configPath.ts"
import { findDocument } from "../src/internal/DocumentPath.ts"
import { statusBarOf } from "../src/internal/StatusBar.ts"
import { escapeLine, formatDuration, table } from "../src/internal/TextFormat.ts"

const plain = { bold: String, dim: String, red: String, green: String, yellow: String }

describe("paths", () => {
  const cases = {
    "": "",
    "models.fast.upstream": "/models/fast/upstream",
    'models."gpt-4.1".upstream': "/models/gpt-4.1/upstream",
    "models.gpt-5": "/models/gpt-5",
    "/models/gpt-4.1/upstream": "/models/gpt-4.1/upstream",
    'models."a/b~c"': "/models/a~1b~0c",
    'models."say \\"hi\\"".enabled': '/models/say "hi"/enabled',
    "/a~1b": "/a~1b",
    "models.gpt-4.1": "/models/gpt-4.1",
    "models.gpt-4.1.upstream": "/models/gpt-4.1/upstream",
    "models.gpt-4.upstream": "/models/gpt-4/upstream",
    "models.new.upstream": "/models/new/upstream",
    "listen.a.b": "/listen/a/b",
    'models.""': "/models/",
  }
  const read = (text: string) => configPath(text, { models: { fast: {}, "gpt-4.1": {}, "gpt-4": {} } })
  for (const [text, pointer] of Object.entries(cases)) {
    it.effect(`reads ${JSON.stringify(text)} as ${JSON.stringify(pointer)}`, () =>
      Effect.map(read(text), (path) => assert.strictEqual(path, pointer)),
    )
  }
  for (const text of ["a..b", ".a", "a.", 'a."b', 'a."b"c', "/a~2", 'a"b']) {
    it.effect(`refuses ${JSON.stringify(text)}`, () =>
      Effect.map(Effect.flip(read(text)), ({ exitCode }) => assert.strictEqual(exitCode, 2)),
    )
  }

  const ambiguous = {
    "models.qwen2.5": `quote a name that has dots: 'models."qwen2.5"'`,
    "models.qwen2.5.upstream": `quote a name that has dots: 'models."qwen2.5".upstream'`,
    "models.gpt-4.2.upstream": `quote a name that has dots: 'models."gpt-4.2".upstream'`,
    "providers.my.host.base_url": `quote a name that has dots: 'providers."my.host".base_url'`,
  }
  for (const [text, hint] of Object.entries(ambiguous)) {
    it.effect(`asks for quotes in ${text}`, () =>
      Effect.map(Effect.flip(read(text)), (failure) =>
        assert.deepStrictEqual([failure.exitCode, failure.hint], [2, hint]),
      ),
    )
  }

  it.effect("suggests the key for a misspelt one", () =>
    Effect.map(Effect.flip(read("models.fast.upstraem")), ({ message }) =>
      assert.strictEqual(message, 'models.fast has no key "upstraem" (did you mean "upstream"?)'),
    ),
  )

  it("knows the keys of models and providers that the schema has", () => {
    const keysIn = (schema: any): ReadonlyArray<string> => [
      ...Object.keys(schema?.properties ?? {}),
      ...[schema?.anyOf ?? []].flat().flatMap(keysIn),
    ]
    const { $defs, properties } = ConfigDocument.jsonSchema(HostConfig) as any
    for (const [section, keys] of Object.entries(namedSections)) {
      const member = properties[section].additionalProperties
      const schema = member.$ref === undefined ? member : $defs[member.$ref.split("/").at(-1)]
      assert.deepStrictEqual([...new Set(keysIn(schema))].toSorted(), [...keys].toSorted(), section)
    }
  })
})

describe("the path of the document", () => {
  const environments = [
    { XDG_DATA_HOME: "/data", HOME: "/home/me" },
    { XDG_DATA_HOME: "relative", HOME: "/home/me" },
    { XDG_DATA_HOME: "", HOME: "/home/me" },
    { HOME: "relative" },
    {},
  ]
  for (const environment of environments) {
    it.effect(`is in core's dataDirectory by default with ${JSON.stringify(environment)}`, () =>
      Effect.gen(function* () {
        const expected = yield* dataDirectory("signalbox").pipe(
          Effect.map((directory) => ({ path: join(directory, "config.json"), isNamed: false })),
          Effect.orElseSucceed(() => "no-home"),
          Effect.provide(NodePath.layer),
          Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: environment })),
        )
        assert.deepStrictEqual(findDocument(undefined, environment), expected)
      }),
    )
  }

  it("is SIGNALBOX_CONFIG when set, and --config before that", () => {
    const environment = { SIGNALBOX_CONFIG: "/etc/box.json", HOME: "/home/me" }
    assert.deepStrictEqual(findDocument(undefined, environment), { path: "/etc/box.json", isNamed: true })
    assert.deepStrictEqual(findDocument("/tmp/x.json", environment), { path: "/tmp/x.json", isNamed: true })
  })
})

describe("status --tmux in the launcher", () => {
  it("leaves every other command line to effect/cli", () => {
    for (const words of [
      ["status"],
      ["models", "--tmux"],
      ["status", "--tmux", "--help"],
      ["status", "--tmux", "--json"],
      ["status", "--tmux", "--theme"],
      ["status", "--tmux", "--theme", "pink"],
      ["status", "--tmux", "--fg", "#[red]"],
      ["status", "--tmux", "--max-length=x"],
      ["status", "--tmux", "--max-length=0"],
      ["status", "--tmux", "more"],
    ]) {
      assert.isUndefined(statusBarOf(words), words.join(" "))
    }
  })

  it("prints nothing when no host has ever run", () => {
    const words = ["--narrow", "--max-length=20", "--theme", "white-on-blue", "--fg=red", "--config", "/nowhere/c.json"]
    assert.strictEqual(statusBarOf(["status", "--tmux", ...words]), "")
  })
})

describe("printed text", () => {
  it("escapes characters that a terminal obeys", () => {
    assert.strictEqual(escapeLine("a\u001b[31mb\u009bc\u202ed\ne\u2028f"), "a\\x1b[31mb\\x9bc\\u202ed\\x0ae\\u2028f")
  })

  it("aligns columns by the width that a terminal shows", () => {
    const columns = [{ title: "NAME" }, { title: "N", right: true }]
    const rows = [
      ["日本", "1"],
      ["a", "22"],
      ["e\u0301", "3"],
    ]
    assert.deepStrictEqual(table(columns, rows).split("\n"), ["NAME   N", "日本   1", "a     22", "e\u0301      3"])
  })

  it("leaves out empty columns on a narrow terminal, and writes rows as blocks on a narrower one", () => {
    const columns = ["MODEL", "PROVIDER", "KEYS"].map((title) => ({ title }))
    const rows = [
      ["gpt-4.1-mini", "openai", ""],
      ["日本", "echo", ""],
    ]
    const at = (width: number) => table(columns, rows, String, width).split("\n")
    assert.deepStrictEqual(at(28), ["MODEL         PROVIDER  KEYS", "gpt-4.1-mini  openai", "日本          echo"])
    assert.deepStrictEqual(at(22), ["MODEL         PROVIDER", "gpt-4.1-mini  openai", "日本          echo"])
    assert.deepStrictEqual(at(21), ["gpt-4.1-mini", "  PROVIDER  openai", "日本", "  PROVIDER  echo"])
  })

  it("formats durations with one unit", () => {
    assert.deepStrictEqual([850, 12_300, 320_000, 7_300_000, 2e8].map(formatDuration), [
      "850 ms",
      "12 s",
      "5 min",
      "2 h",
      "2 d",
    ])
  })

  it("draws a shared service below each dependant, and its dependencies once", () => {
    const service = (name: string, needs: ReadonlyArray<string>, state: "ready" | "failed" = "ready") => ({
      name: `@signalbox/core/${name}`,
      needs: needs.map((need) => `@signalbox/core/${need}`),
      state,
      generation: 3,
      buildMillis: 4,
    })
    const drawn = tree(
      [
        service("Models", ["ModelSettings"]),
        service("Clients", ["Models"]),
        service("Chat", ["Models", "Clients"], "failed"),
      ],
      plain,
    )
    assert.deepStrictEqual(drawn, [
      "Chat failed",
      "├─ Models generation 3, built in 4 ms",
      "│  └─ ModelSettings",
      "└─ Clients generation 3, built in 4 ms",
      "   └─ Models (above)",
    ])
  })
})
