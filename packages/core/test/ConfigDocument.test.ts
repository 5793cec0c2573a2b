/** Layers, versions, unknown keys, differences and seeds. */
import { assert, describe, it } from "@effect/vitest"
import type { Layers, Loaded } from "@signalbox/core/ConfigDocument"
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import { Effect, Result, Schema } from "effect"
import { document } from "./ConfigDocumentHost.ts"

const environment = (variables: Readonly<Record<string, string>>): Layers => ({
  environment: (name) => variables[name],
})

const load = (text: string, layers: Layers = {}) => Result.getOrThrow(document.load(text, layers))

const problems = <A>(result: Result.Result<A, ReadonlyArray<{ readonly message: string; readonly line?: number }>>) =>
  Result.isFailure(result) ? result.failure.map(({ line, message }) => `${line ?? "-"} ${message}`) : []

const withDefault = <S extends Schema.Top>(schema: S, value: S["Encoded"]) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)))

describe("ConfigDocument's layers", () => {
  const text = '{ "retention": { "events_days": 5 }, "models": { "gpt-4.1": { "upstream": "x" } } }'

  it("puts the environment above the document and run-time values above both", () => {
    const layers: Layers = {
      ...environment({ SIGNALBOX_RETENTION_EVENTS_DAYS: "7", SIGNALBOX_SERVER_PORT: "99" }),
      runtime: [{ path: "/server/port", value: 100 }],
    }
    const loaded = load(text, layers)
    assert.strictEqual(loaded.config.retention.eventsDays, 7)
    assert.strictEqual(loaded.config.server.port, 100)
    const provenance = (path: string) => document.provenance(loaded, layers, path)
    assert.strictEqual(provenance("/retention/events_days"), "environment")
    assert.strictEqual(provenance("/server/port"), "runtime")
    assert.strictEqual(provenance("/models/gpt-4.1/upstream"), "document")
    assert.strictEqual(provenance("/models/gpt-4.1/enabled"), "default")
    assert.strictEqual(provenance("/retention/drain"), "default")
    assert.strictEqual(document.provenance(loaded, {}, "/retention/events_days"), "document")
  })

  it("reads a variable as text where the schema has text, else as JSON", () => {
    const { config } = load(
      text,
      environment({
        SIGNALBOX_DEFAULT_ALIAS: "42",
        SIGNALBOX_RETENTION_DRAIN: "5 seconds",
        SIGNALBOX_MODELS_GPT_4_1_ENABLED: "false",
        SIGNALBOX_MODELS_GPT_4_1_ALLOWED_KEYS: '["a"]',
        SIGNALBOX_SERVER: '{"port": 3}',
        SIGNALBOX_SERVER_MODE: "tls",
      }),
    )
    assert.strictEqual(config.defaultAlias, "42")
    assert.strictEqual(config.retention.drain.toString(), "5000 millis")
    assert.deepStrictEqual(config.models["gpt-4.1"], { upstream: "x", enabled: false, allowedKeys: ["a"] })
    assert.deepStrictEqual(config.server, { port: 3, mode: "tls" })
  })

  it("names the variable, and no place in the file, when its value is refused", () => {
    assert.deepStrictEqual(problems(document.load(text, environment({ SIGNALBOX_SERVER_PORT: "eighty" }))), [
      "- environment variable SIGNALBOX_SERVER_PORT must hold JSON (a number, true, false, null, an object or an array): correct or unset it",
    ])
    assert.deepStrictEqual(problems(document.load(text, environment({ SIGNALBOX_RETENTION_EVENTS_DAYS: "-1" }))), [
      "- environment variable SIGNALBOX_RETENTION_EVENTS_DAYS: must be a value between 0 and 3650",
    ])
    assert.deepStrictEqual(problems(document.load(text, { runtime: [{ path: "/server/mode", value: "x" }] })), [
      '- the value set at run time: must be "plain" or "tls"',
    ])
    assert.deepStrictEqual(
      problems(document.load(text, { runtime: [{ path: "/retention/events_days/x", value: 1 }] })),
      ["- the value set at run time has no place: the document has no object there"],
    )
  })

  it("refuses values set at run time at paths that no document can have", () => {
    const refusal = (path: string) =>
      String(problems(document.load("{}", { runtime: [{ path, value: { upstream: "x" } }] }))[0])
    assert.include(refusal("/models/__proto__"), "the key __proto__ is not allowed")
    assert.include(refusal("/__proto__/models"), "the key __proto__ is not allowed")
    assert.include(refusal(""), "the document as a whole cannot be edited")
    assert.include(refusal(`/models${"/a".repeat(100_000)}`), "nested deeper than 200 levels")
  })

  it("ignores a variable that fits several paths, and warns about it", () => {
    const loaded = load(
      '{ "models": { "a-b": { "upstream": "1" }, "a.b": { "upstream": "2" } } }',
      environment({ SIGNALBOX_MODELS_A_B_UPSTREAM: "3" }),
    )
    assert.strictEqual(loaded.config.models["a-b"]!.upstream, "1")
    assert.deepStrictEqual(
      loaded.warnings.map(({ message }) => message),
      [
        "environment variable SIGNALBOX_MODELS_A_B_UPSTREAM fits /models/a-b/upstream and /models/a.b/upstream: it is ignored, set the value in the document",
      ],
    )
  })

  it("follows the environment and the keys of records from load to load", () => {
    const layers = environment({ SIGNALBOX_MODELS_B_UPSTREAM: "from outside" })
    const over = (previous: Loaded<typeof first.config>, text: string, above: Layers) =>
      Result.getOrThrow(document.load(text, above, previous))
    const first = load('{ "models": { "a": { "upstream": "1" } } }', layers)
    const second = over(first, '{ "models": { "a": { "upstream": "1" }, "b": { "upstream": "2" } } }', layers)
    assert.strictEqual(second.config.models["b"]!.upstream, "from outside")
    const third = over(second, '{ "models": { "b": { "upstream": "2" } } }', layers)
    assert.strictEqual(third.config.models["b"], second.config.models["b"])
    const fourth = over(third, '{ "models": { "b": { "upstream": "2" } } }', {})
    assert.strictEqual(fourth.config.models["b"]!.upstream, "2")
    assert.deepStrictEqual(over(third, "{}", layers).config.models, {})
  })

  it("checks hidden values, and does not require values that a higher layer adds", () => {
    const host = ConfigDocument.make({
      schema: Schema.Struct({
        port: Schema.Int,
        listen: withDefault(Schema.Struct({ host: withDefault(Schema.String, "lo"), auth: Schema.Boolean }), {
          auth: false,
        }),
        users: withDefault(Schema.Record(Schema.String, Schema.Struct({ id: Schema.Int })), {}),
      }).check(
        Schema.makeFilter(({ listen }) => (listen.auth || listen.host === "lo" ? undefined : "is open to everybody")),
      ),
      environmentPrefix: "APP",
    })
    const loading = (text: string, variables: Readonly<Record<string, string>>) =>
      problems(host.load(text, environment(variables)))
    const without = (name: string) => `(the document must be valid without ${name})`
    const port = "environment variable APP_PORT"

    assert.deepStrictEqual(loading("{}", { APP_PORT: "1" }), [])
    assert.deepStrictEqual(loading('{ "port": 2 }', { APP_PORT: "1" }), [])
    assert.deepStrictEqual(loading('{ "port": "x" }', { APP_PORT: "1" }), [
      `1 must be a number, not a string ${without(port)}`,
    ])
    // Whole objects, of which the document has a part.
    const users = { APP_PORT: "1", APP_USERS: '{ "a": { "id": 1 } }' }
    assert.deepStrictEqual(loading('{ "users": { "a": {} } }', users), [])
    assert.deepStrictEqual(loading('{ "users": { "b": { "id": "x" } } }', users), [
      `1 must be a number, not a string ${without("environment variable APP_USERS")}`,
    ])
    // a rule that spans several values: auth that only the environment gives is given, auth that it hides is not
    const open = { APP_PORT: "1", APP_LISTEN_AUTH: "true" }
    assert.deepStrictEqual(loading('{ "listen": { "host": "all" } }', open), [])
    assert.deepStrictEqual(loading('{ "port": 2, "listen": { "host": "all" } }', open), [])
    assert.deepStrictEqual(loading('{ "listen": { "host": "all", "auth": false } }', open), [
      `1 is open to everybody ${without("what hides parts of the document")}`,
    ])
    assert.deepStrictEqual(
      loading('{ "port": 2, "listen": { "auth": false } }', { ...open, APP_LISTEN_HOST: "all" }),
      [],
    )
  })

  it("lists the edits that a higher layer hides", () => {
    const layers: Layers = {
      // No variable sets an element of an array.
      ...environment({ SIGNALBOX_SERVER_PORT: "1", SIGNALBOX_MODELS_FAST: "{}", SIGNALBOX_PLUGINS_0: "{}" }),
      runtime: [{ path: "/retention", value: {} }],
    }
    const edits = [
      "/server/port",
      "/server/mode",
      "/server",
      "/models/fast/upstream",
      "/models/slow",
      "/retention/drain",
      "/plugins/0",
    ].map((path) => ({ path, value: {} }))
    assert.deepStrictEqual(document.shadowed(edits, layers), [
      "/server/port",
      "/server",
      "/models/fast/upstream",
      "/retention/drain",
    ])
  })
})

describe("ConfigDocument's versions", () => {
  const schema = Schema.Struct({ port: Schema.Int, hosts: withDefault(Schema.Array(Schema.String), []) })
  const migrating = ConfigDocument.make({
    schema,
    migrations: [
      (old) => {
        const { host, ...rest } = old as { readonly host?: string }
        if (host === "broken") throw new Error("broken")
        return host === undefined ? rest : { ...rest, hosts: [host] }
      },
      (old) => ({ ...(old as object), port: Number((old as { readonly port: unknown }).port) }),
    ],
  })

  it("migrates an older document, keeps its comments, and leaves a current one alone", () => {
    const text = '{\n  // where\n  "port": "80",\n  "host": "a"\n}\n'
    const loaded = Result.getOrThrow(migrating.load(text, {}))
    assert.deepStrictEqual(loaded.config, { port: 80, hosts: ["a"] })
    assert.deepStrictEqual(loaded.migrated, {
      from: 1,
      to: 3,
      text: '{\n  // where\n  "port": 80,\n  "version": 3,\n  "hosts": ["a"]\n}\n',
    })
    const current = Result.getOrThrow(migrating.load(loaded.migrated!.text, {}, loaded))
    assert.isUndefined(current.migrated)
    assert.strictEqual(current.config, loaded.config)
  })

  it("runs only the migrations after the version of the document", () => {
    const loaded = Result.getOrThrow(migrating.load('{"version": 2, "port": "80"}', {}))
    assert.deepStrictEqual(loaded.migrated, { from: 2, to: 3, text: '{"version": 3, "port": 80}' })
  })

  it("refuses an unknown version and a failing migration, with line and column", () => {
    assert.deepStrictEqual(problems(migrating.load('{"version": 4}', {})), [
      "1 this document was written by a newer version of the program (this one reads up to version 3): update the program; it is not downgraded",
    ])
    assert.deepStrictEqual(problems(migrating.load('{"version": 1.5}', {})), ["1 must be a whole number from 1 to 3"])
    assert.deepStrictEqual(problems(migrating.load('{"host": "broken"}', {})), [
      "1 the migration from version 1 to 2 fails on this document: correct the document, or repair the migration",
    ])
    assert.deepStrictEqual(problems(migrating.load('{"version": 2, "port": "x"}', {})), [
      "1 must be a number, not null",
    ])
  })

  it("hides the version from a record at the root, and gives it to a schema that declares it", () => {
    const free = ConfigDocument.make({ schema: Schema.Record(Schema.String, Schema.Int) })
    const first = Result.getOrThrow(free.load('{"version": 1, "a": 2}', {}))
    assert.deepStrictEqual(first.config, { a: 2 })
    assert.strictEqual(Result.getOrThrow(free.load('{"version": 1,  "a": 2}', {}, first)).config, first.config)
    const declared = ConfigDocument.make({ schema: Schema.Struct({ version: Schema.Int }) })
    assert.deepStrictEqual(Result.getOrThrow(declared.load('{"version": 1}', {})).config, { version: 1 })
  })

  it("shares subtrees between loads of texts of an older version", () => {
    const first = Result.getOrThrow(migrating.load('{"port": "80", "host": "a"}', {}))
    const second = Result.getOrThrow(migrating.load('{"port": "81", "host": "a"}', {}, first))
    assert.strictEqual(second.config.hosts, first.config.hosts)
    assert.strictEqual(second.config.port, 81)
  })
})

describe("ConfigDocument's differences", () => {
  const between = (before: string, after: string) => {
    const first = load(before)
    return document.diff(first, Result.getOrThrow(document.load(after, {}, first)))
  }

  it("lists added, removed and changed members with escaped keys, and an array as one value", () => {
    assert.deepStrictEqual(
      between(
        '{ "models": { "a/b": { "upstream": "1" }, "m~n": { "upstream": "2" } }, "plugins": [] }',
        '{ "models": { "a/b": { "upstream": "3" }, "new": { "upstream": "2" } }, "plugins": [{ "name": "p", "token": null }], "default_alias": "x" }',
      ).paths,
      ["/models/a~1b/upstream", "/models/m~0n", "/models/new", "/plugins", "/default_alias"],
    )
  })

  it("lists the paths that need a restart, also when a parent was written", () => {
    assert.deepStrictEqual(between("{}", '{ "server": { "port": 1, "mode": "tls" } }'), {
      paths: ["/server/port", "/server/mode"],
      truncated: false,
      restartRequired: ["/server/port"],
    })
    const schema = Schema.Struct({
      a: Schema.optionalKey(Schema.Struct({ b: ConfigDocument.restartRequired(Schema.Int) })),
    })
    const other = ConfigDocument.make({ schema })
    const first = Result.getOrThrow(other.load("{}", {}))
    assert.deepStrictEqual(other.diff(first, Result.getOrThrow(other.load('{"a":{"b":1}}', {}))).restartRequired, [
      "/a",
    ])
    const above = ConfigDocument.make({
      schema: Schema.Struct({ a: ConfigDocument.restartRequired(Schema.Struct({ b: Schema.Int })) }),
    })
    const texts = [1, 2].map((b) => Result.getOrThrow(above.load(JSON.stringify({ a: { b } }), {})))
    assert.deepStrictEqual(above.diff(texts[0]!, texts[1]!).restartRequired, ["/a/b"])
  })

  it("reports at most 256 paths and that there are more", () => {
    const models = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`a${index}`, { upstream: "x" }]))
    const { paths, truncated } = between("{}", JSON.stringify({ models }))
    assert.strictEqual(paths.length, 256)
    assert.isTrue(truncated)
  })

  it("compares a value that the schema would not encode", () => {
    const schema = Schema.Struct({
      a: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(1), { encodingStrategy: "omit" })),
      b: Schema.Trim,
    })
    const other = ConfigDocument.make({ schema })
    const [first, second, third] = ['{"a":1,"b":"x"}', '{"a":2,"b":"x"}', '{"a":2,"b":" x "}'].map((text) =>
      Result.getOrThrow(other.load(text, {})),
    ) as [Loaded<typeof schema.Type>, Loaded<typeof schema.Type>, Loaded<typeof schema.Type>]
    assert.deepStrictEqual(other.diff(first, second).paths, ["/a"])
    assert.deepStrictEqual(other.diff(second, third).paths, [])
  })
})

describe("ConfigDocument's unknown keys", () => {
  it("keeps unknown keys and reports them with their position and near names", () => {
    const text = '{\n  "retension": {},\n  "models": { "a": { "upstream": "x", "enabeld": true } },\n  "zebra": 1\n}'
    assert.deepStrictEqual(
      load(text).warnings.map(({ column, line, message, path }) => `${line}:${column} ${path} ${message}`),
      [
        '2:3 /retension unknown key "retension" (did you mean "retention"?)',
        '3:39 /models/a/enabeld unknown key "enabeld" (did you mean "enabled"?)',
        '4:3 /zebra unknown key "zebra": it has no effect',
      ],
    )
  })

  it("accepts any key of a record and of an open schema as known", () => {
    const schema = Schema.Struct({ any: Schema.Unknown, json: Schema.Record(Schema.String, Schema.Json) })
    const open = ConfigDocument.make({ schema })
    const loaded = Result.getOrThrow(open.load('{ "any": { "x": { "y": 1 } }, "json": { "z": { "w": 1 } } }', {}))
    assert.deepStrictEqual(loaded.warnings, [])
  })
})

describe("ConfigDocument's other warnings", () => {
  const shown = (loaded: Loaded<unknown>) =>
    loaded.warnings.map(({ column, line, message, path }) => `${line}:${column} ${path} ${message}`)

  it("reports each repeated key, also one written with escapes or below another repeated key", () => {
    const before = "occurs here again: only the last one counts, remove the others"
    const text = [
      '\uFEFF{ // "models": {}, "models": {}',
      '  "server": { "port": 1, "port": 2, "port": 3 },',
      '  "models": { "a": { "upstream": "x:y" }, /* : */ "\\u0061": { "upstream": "z" } },',
      '  "plugins": [{ "name": "p", "name": "q", "token": null }],',
      '  "sevrer": {},',
      '  "server": { "mode": "tls" }',
      "}",
    ].join("\n")
    const loaded = load(text)
    assert.deepStrictEqual(shown(loaded), [
      `2:26 /server/port the key "port" ${before}`,
      `2:37 /server/port the key "port" ${before}`,
      `3:51 /models/a the key "a" ${before}`,
      `4:30 /plugins/0/name the key "name" ${before}`,
      '5:3 /sevrer unknown key "sevrer" (did you mean "server"?)',
      `6:3 /server the key "server" ${before}`,
    ])
    assert.deepStrictEqual([loaded.config.server.port, loaded.config.models["a"]?.upstream], [8080, "z"])
    const many = `{ "models": { ${'"a": { "upstream": "x" }, '.repeat(400)} } }`
    assert.lengthOf(load(many).warnings, 256)
  })

  it("does not report a key that occurs once", () => {
    const text =
      '{ "plugins": [{ "name": "a: {\\"b\\": 1}", "token": ":" }, { "name": "//", "token": "/*" }] } // "c": 1'
    assert.deepStrictEqual(load(text).warnings, [])
  })

  it("reports repeated keys of a long text only when it is loaded without a previous one", () => {
    const text = `{ "server": { "port": 1, "port": 2 } } // ${"x".repeat(256 * 1024)}`
    assert.lengthOf(load(text).warnings, 1)
    assert.lengthOf(Result.getOrThrow(document.load(text, {}, load("{}"))).warnings, 0)
    assert.lengthOf(Result.getOrThrow(document.load(text.slice(0, 99), {}, load("{}"))).warnings, 1)
  })

  it("reports the remarks of the schema's owner with their position", () => {
    const schema = Schema.Struct({ low: Schema.Int, high: Schema.Int }).check(Schema.makeFilter(({ low }) => low > 0))
    const watched = ConfigDocument.make({
      schema: ConfigDocument.withWarnings(schema, ({ high, low }) =>
        low > high ? [{ path: ["high"], message: "is below low" }] : [],
      ),
    })
    const loaded = (text: string) => Result.getOrThrow(watched.load(text, {}))
    assert.deepStrictEqual(shown(loaded('{\n "low": 2,\n "high": 1 }')), ["3:10 /high is below low"])
    assert.deepStrictEqual(loaded('{ "low": 1, "high": 2 }').warnings, [])
    assert.isTrue(Result.isFailure(watched.load('{ "low": 0, "high": 2 }', {})))
    const failing = ConfigDocument.withWarnings(schema, () => {
      throw new Error("secret")
    })
    const faulty = Result.getOrThrow(ConfigDocument.make({ schema: failing }).load('{ "low": 1, "high": 2 }', {}))
    assert.deepStrictEqual(shown(faulty), [
      "1:1  the schema's own warnings fail on this configuration: repair the schema",
    ])
  })
})

describe("ConfigDocument's seed", () => {
  it("writes the version and every default as the schema declares it", () => {
    const seed = Result.getOrThrow(document.seed)
    assert.strictEqual(
      seed,
      `${JSON.stringify(
        {
          version: 1,
          models: {},
          providers: {},
          retention: { events_days: 30, drain: "2 hours" },
          server: { port: 8080, mode: "plain" },
          plugins: [],
        },
        undefined,
        2,
      )}\n`,
    )
    assert.strictEqual(load(seed).config.retention.eventsDays, 30)
  })

  it("completes a default that has only some of its keys", () => {
    const part = Schema.Struct({ a: withDefault(Schema.Int, 1), b: withDefault(Schema.Int, 2), c: Schema.Int })
    const schema = Schema.Struct({ part: withDefault(part, { b: 3, c: 4 }) })
    const seed = Result.getOrThrow(ConfigDocument.make({ schema }).seed)
    assert.deepStrictEqual(JSON.parse(seed), { version: 1, part: { a: 1, b: 3, c: 4 } })
  })

  it("returns the given seed, or why there is no seed", () => {
    const schema = Schema.Struct({ port: Schema.Int })
    const seed = '{ "port": 1 } // mine\n'
    assert.deepStrictEqual(ConfigDocument.make({ schema, seed }).seed, Result.succeed(seed))
    assert.deepStrictEqual(problems(ConfigDocument.make({ schema }).seed), ['1 is missing: add the key "port"'])
    assert.deepStrictEqual(problems(ConfigDocument.make({ schema, seed: "{" }).seed), [
      "1 the document ends too early: } is missing",
    ])
  })
})
