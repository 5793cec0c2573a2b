/** A whole host on a real file: its secrets exist only in the document and in the copy in the history. */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { changeSummary, reloadFailed } from "@signalbox/core/ChangeSummary"
import { type ConfigStoreError, format } from "@signalbox/core/ConfigError"
import * as ConfigEvents from "@signalbox/core/ConfigEvents"
import * as Event from "@signalbox/core/Event"
import { EventBus } from "@signalbox/core/EventBus"
import { eventLine } from "@signalbox/core/EventLine"
import * as ModelEvents from "@signalbox/core/ModelEvents"
import { ModelRegistry } from "@signalbox/core/ModelRegistry"
import { Providers } from "@signalbox/core/Providers"
import * as ServiceEvents from "@signalbox/core/ServiceEvents"
import { Effect, Exit, Layer, Redacted, Stream } from "effect"
import { DocumentFile, settled, sha256, textOf } from "./ConfigFollowing.ts"
import { AppConfig, HostOutputs, LateServices, layer, running, Services, secrets, textsOf } from "./SecretsHost.ts"

const registry = Event.registry([
  ...Object.values(ConfigEvents).filter((value) => typeof value === "function" && "type" in value),
  ...Object.values(ServiceEvents),
  ...Object.values(ModelEvents).filter((value) => typeof value === "function" && "type" in value),
] as unknown as ReadonlyArray<Event.AnyClass>)

/** Five consecutive letters reveal a secret, and so does the Base64 of most of it. */
const needles = Object.entries(secrets).flatMap(([name, secret]) => {
  const letters = secret.match(/[A-Z]{5,}/g) ?? []
  const base64 = btoa(secret)
  return [...letters.flatMap((run) => windows(run, 5)), ...windows(base64.replaceAll("=", ""), 10)].map((needle) => ({
    name,
    needle,
  }))
})
function windows(text: string, length: number): ReadonlyArray<string> {
  return Array.from({ length: Math.max(0, text.length - length + 1) }, (_, at) => text.slice(at, at + length))
}

/** `output: secret` for each output that reveals one. */
const leaksIn = (what: string, text: string): ReadonlyArray<string> => {
  const names = new Set(needles.filter(({ needle }) => text.includes(needle)).map(({ name }) => name))
  return Array.from(names, (name) => `${what}: ${name}`)
}

const secretsIn = (text: string) => leaksIn("", text).map((leak) => leak.slice(2))

const assertNothingShown = Effect.gen(function* () {
  const all = (yield* HostOutputs).all()
  assert.deepStrictEqual([...new Set(all.flatMap(({ text, what }) => leaksIn(what, text)))], [])
  return all
})

/** Runs an effect and collects its result. */
const show = <A, E, R>(what: string, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const shown = yield* HostOutputs
    const exit = yield* Effect.exit(effect)
    shown.add(what, exit)
    if (Exit.isFailure(exit)) {
      const error = yield* Effect.flip(exit)
      shown.add(`${what}: error`, error)
      if (isStoreError(error)) shown.add(`${what}: reload`, reloadFailed(error))
    }
    return exit
  })
const isStoreError = (error: unknown): error is ConfigStoreError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "ConfigStoreError"

const showStore = (what: string) =>
  Effect.gen(function* () {
    const store = yield* AppConfig
    const { file } = yield* DocumentFile
    yield* show(`${what}: snapshot`, store.snapshot)
    yield* show(`${what}: document`, store.document)
    yield* show(`${what}: problems`, store.problems)
    yield* show(`${what}: warnings`, store.warnings)
    yield* show(`${what}: history`, store.history)
    const shown = yield* HostOutputs
    for (const problem of [...(yield* store.problems), ...(yield* store.warnings)]) {
      shown.add(`${what}: formatted problem`, format(file, problem))
    }
    yield* show(`${what}: status`, Effect.all([Services.status, LateServices.status]))
    yield* show(
      `${what}: models`,
      Effect.flatMap(ModelRegistry, ({ models }) => models),
    )
    yield* show(
      `${what}: outages`,
      Effect.flatMap(Providers, ({ outages }) => outages),
    )
  })

/** All events since the start of the bus, in each form. */
const followEvents = Effect.gen(function* () {
  const shown = yield* HostOutputs
  const bus = yield* EventBus
  const events: Array<Event.AnyEvent> = []
  const { epoch } = yield* bus.cursor
  const stream = yield* bus.subscribe({ after: { epoch, sequence: 0 } })
  yield* stream.pipe(
    Stream.runForEach((item) =>
      Effect.gen(function* () {
        assert.strictEqual(item._tag, "Envelope")
        if (item._tag === "Gap") return
        events.push(item.event)
        shown.add(`event ${item.event._tag}`, item, eventLine(item.event), yield* registry.encode(item))
      }),
    ),
    Effect.forkScoped,
  )
  return events
})

/** Saves as an editor does, and waits until the store has read it. */
const saved = (text: string) =>
  Effect.gen(function* () {
    const store = yield* AppConfig
    yield* (yield* DocumentFile).save(text)
    const hash = sha256(text)
    const isSeen = Effect.gen(function* () {
      if ((yield* store.snapshot).hash === hash) return true
      return (yield* Effect.exit(store.reload()))._tag === "Failure"
    })
    while (!(yield* isSeen)) yield* Effect.yieldNow
    yield* settled
  })

const vault = (name: string, key: unknown, url: unknown = "u") => [{ path: `/vault/${name}`, value: { url, key } }]
const edited = (text: string, edit: (document: any) => void): string => {
  const document = JSON.parse(text)
  edit(document)
  return JSON.stringify(document, undefined, 2)
}

/** All other files beside the document. */
const beside = Effect.gen(function* () {
  const { directory, file } = yield* DocumentFile
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => ({ directory: entry.parentPath, path: join(entry.parentPath, entry.name) }))
    .filter(({ path }) => path !== file)
    .map(({ directory: parent, path }) => ({ path, isHistory: parent !== directory, text: readFileSync(path, "utf8") }))
})

const registerRefused = Effect.scoped(
  Effect.flatMap(ModelRegistry, ({ register }) => register({ fast: { upstream: "m" } }, { name: "refused" })),
)

const environment = { SECRETS_VAULT_E_KEY: secrets.environment }

const driven = Effect.gen(function* () {
  const store = yield* AppConfig
  const shown = yield* HostOutputs
  const { file } = yield* DocumentFile
  const events = yield* followEvents
  const update = (what: string, edits: Parameters<typeof store.update>[0]) =>
    Effect.andThen(show(`plan ${what}`, store.plan(edits)), show(`update ${what}`, store.update(edits)))

  // A document of an older version is in force.
  assert.strictEqual(Redacted.value((yield* store.snapshot).config.policy.token!), secrets.migrated)
  yield* showStore("migrated")
  yield* update("vault e", vault("e", secrets.rotated))
  assert.strictEqual(Redacted.value((yield* store.snapshot).config.vault["e"]!.key!), secrets.environment)
  yield* show("provenance", store.provenance("/vault/e/key"))
  yield* update("a", vault("a", secrets.rotated))
  yield* update("a again", vault("a", secrets.replacement))
  yield* update("token", [{ path: "/policy/token", value: secrets.token }])
  yield* update("list", [{ path: "/policy/list", value: [secrets.inList, secrets.unescaped] }])
  yield* update("map", [{ path: "/policy/headers", value: { authorization: secrets.inMap } }])
  yield* show("override", store.override(vault("b", secrets.runtime)))
  yield* update("hidden by the override", vault("b", secrets.rotated))
  yield* show("override lifted", store.override([{ path: "/vault/b", remove: true }]))
  yield* showStore("in force")

  // Refused by parser, schema, checks and code.
  yield* update("misplaced", vault("a", [secrets.misplaced]))
  yield* update("misplaced too", vault("a", { value: secrets.misplaced }))
  yield* update("no text", [{ path: "/vault/a/url", value: { key: secrets.misplaced } }])
  yield* update("no number", [{ path: "/policy/port", value: secrets.misplaced }])
  yield* update("no record", [{ path: "/vault", value: secrets.misplaced }])
  yield* update("under a text", [{ path: "/vault/a/url/deeper", value: secrets.misplaced }])
  yield* update("checked", [{ path: "/policy/checked", value: secrets.checked }])
  yield* update("selected", vault("selected", secrets.selected))
  yield* show("override refused", store.override([{ path: "/policy/port", value: secrets.misplaced }]))
  for (const [what, text] of [
    [
      "torn",
      `{ "version": 2, "vault": { "a": { "url": "u", "key": "${secrets.torn.slice(0, 9)}\n${secrets.torn}" } } }`,
    ],
    ["bare", `{ "version": 2, "vault": { "a": { "url": "u", "key": ${secrets.torn} } } }`],
    ["open", `{ "version": 2, "vault": { "a": { "url": "u", "key": "${secrets.torn}" } } `],
    ["twice", `{ "version": 2, "vault": {}, "vault": { "a": "${secrets.torn}" } }`],
    ["no document", `"${secrets.torn}"`],
    ["newer", `{ "version": 3, "token": "${secrets.torn}" }`],
    ["no version", `{ "version": "${secrets.torn}" }`],
  ] as const) {
    yield* show(`replace ${what}`, store.replace(text))
  }

  // Refused by services that quote their input.
  for (const url of ["fail", "encoded", "die", "message"]) {
    yield* update(`service ${url}`, vault("quoting", secrets.quoted, url))
    yield* update(`service ${url}, escaped`, vault("quoting", secrets.unescaped, url))
  }
  assert.isUndefined((yield* store.snapshot).config.vault["quoting"])
  yield* update("a graph that starts later", [{ path: "/policy/port", value: 2 }])
  yield* show("registration refused", registerRefused)
  yield* update("provider", [
    { path: "/providers/p", value: { kind: "openai", api_key: secrets.outage } },
    { path: "/models/fast", value: { upstream: "m", provider: "p" } },
  ])
  yield* Effect.flatMap(Providers, ({ failed }) => failed("p", `401: ${secrets.outage} is wrong`))
  yield* update("credentials in a URL", [
    { path: "/providers/p/base_url", value: `https://user:${secrets.misplaced}@host/` },
  ])
  yield* showStore("after refusals")

  // Saves of an editor.
  const good = yield* textOf
  const goodHash = (yield* store.snapshot).hash
  for (const [what, text] of [
    ["torn", good.replace(`"${secrets.replacement}"`, `"${secrets.torn}`)],
    ["bare", good.replace(`"${secrets.replacement}"`, secrets.torn)],
    ["split", good.replace(`"${secrets.replacement}"`, `"${secrets.torn.slice(0, 8)}\n${secrets.torn.slice(8)}"`)],
    ["unknown name", good.replace(`"key": "${secrets.replacement}"`, `"${secrets.unknownName}": 1, "key": 3`)],
    ["checked", edited(good, (document) => Object.assign(document.policy, { checked: secrets.checked }))],
    ["service", edited(good, (document) => Object.assign(document.vault, { q: { url: "fail", key: secrets.quoted } }))],
    ["unknown and refused", edited(good, (document) => Object.assign(document, { tokne: secrets.unknown, models: 5 }))],
  ] as const) {
    assert.notStrictEqual(text, good)
    yield* saved(text)
    assert.isAbove((yield* store.problems).length, 0, what)
    yield* showStore(`saved ${what}`)
    yield* show(`saved ${what}: reload`, store.reload())
    yield* show(`saved ${what}: update`, store.update(vault("a", secrets.rotated)))
    yield* show(`saved ${what}: plan`, store.plan(vault("a", secrets.rotated)))
    yield* show(`saved ${what}: reload without`, store.reload({ ignoreEnvironment: true }))
    yield* show(`saved ${what}: reload with`, store.reload({ ignoreEnvironment: false }))
  }
  yield* saved(good)
  assert.strictEqual((yield* store.snapshot).hash, goodHash)
  yield* saved(edited(good, (document) => Object.assign(document, { tokne: secrets.unknown })))
  assert.isAbove((yield* store.warnings).length, 0)
  yield* showStore("saved unknown")
  yield* saved(`// the key is ${secrets.replacement}\n${good}`)
  yield* showStore("saved comment")
  yield* show("overwriting", store.replace(good))
  yield* show("undo", store.undo)
  yield* show("undo again", store.undo)
  yield* show("replace with the marker", store.replace((yield* store.document).text))
  yield* show("conflict", store.update(vault("a", secrets.rotated), { ifHash: goodHash }))
  yield* show("good again", store.replace(good))
  yield* show("no environment", store.reload({ ignoreEnvironment: true }))
  yield* show("environment", store.reload({ ignoreEnvironment: false }))

  for (let revision = 1; revision <= (yield* store.snapshot).revision; revision++) {
    const changes = yield* store.changesOf(revision)
    shown.add(`changes of ${revision}`, changes, changeSummary(changes ?? []))
  }
  shown.add("store", store)
  assert.isAbove(events.length, 30)
  for (const type of ["config.rejected", "config.changed", "config.migrated", "provider.failed", "service.rebuilt"]) {
    assert.isTrue(
      events.some(({ _tag }) => _tag === type),
      type,
    )
  }
  return { file }
})

describe("a secret", () => {
  it.live("appears in no output of a host, and in no file except the document and its copy in the history", () =>
    Effect.gen(function* () {
      const { directory, file, save } = yield* DocumentFile
      yield* save(
        JSON.stringify(
          { version: 1, secretToken: secrets.migrated, vault: { old: { url: "u", key: secrets.rotated } } },
          undefined,
          2,
        ),
      )
      yield* driven.pipe(running(environment))
      // Another start, with a refused environment.
      yield* show("bad environment", AppConfig.pipe(running({ SECRETS_POLICY_PORT: secrets.badEnvironment })))
      yield* show("bad checked environment", AppConfig.pipe(running({ SECRETS_POLICY_CHECKED: secrets.checked })))

      const all = yield* assertNothingShown
      for (const what of ["log", "console.log", "span ConfigStore.update", "span ConfigSource.read"]) {
        const some = all.some((showing) => showing.what === what)
        assert.isTrue(some, what)
      }
      // The search finds secrets that are present.
      assert.strictEqual(leaksIn("", textsOf({ deep: [new Set([secrets.token])] })).length, 1)

      const inDocument = new Set(secretsIn(readFileSync(file, "utf8")))
      assert.isAbove(inDocument.size, 4)
      const others = yield* beside
      assert.deepStrictEqual(
        others.flatMap(({ isHistory, path, text }) =>
          secretsIn(text)
            .filter((name) => !isHistory || !(inDocument.has(name) || name === "unknown"))
            .map((name) => `${path}: ${name}`),
        ),
        [],
        "only what is a secret of today, and what the schema does not declare as one",
      )
      for (const { path } of others) assert.strictEqual(statSync(path).mode & 0o777, 0o600, path)
      for (const each of [directory, join(directory, "history")]) assert.strictEqual(statSync(each).mode & 0o777, 0o700)
    }).pipe(Effect.provide(Layer.fresh(layer))),
  )

  it.live("is hidden in status, event and log when a graph that cannot start quotes it", () =>
    Effect.gen(function* () {
      const { save } = yield* DocumentFile
      yield* save(JSON.stringify({ version: 2, vault: {}, policy: { token: secrets.starting } }))
      yield* Effect.gen(function* () {
        const events = yield* followEvents
        while (!events.some(({ _tag }) => _tag === "service.failed")) yield* Effect.yieldNow
        yield* showStore("starting")
        yield* show("registration", registerRefused)
        yield* show(
          "update",
          Effect.flatMap(AppConfig, (store) => store.update([{ path: "/policy/token", value: "t" }])),
        )
        yield* LateServices.pin
        yield* showStore("started")
      }).pipe(Effect.scoped, running({}))
      yield* assertNothingShown
    }).pipe(Effect.provide(Layer.fresh(layer))),
  )

  it.live("is hidden in the log when a service quotes it during its release", () =>
    Effect.gen(function* () {
      yield* Effect.gen(function* () {
        const store = yield* AppConfig
        const events = yield* followEvents
        yield* store.update(vault("f", secrets.finalized, "finalizer"))
        yield* store.update([{ path: "/vault/f", remove: true }])
        while (!events.some(({ _tag }) => _tag === "service.released")) yield* Effect.yieldNow
      }).pipe(running({}))
      const all = yield* assertNothingShown
      assert.isTrue(all.some(({ text }) => text.includes("A finalizer of test/Vaults/f has failed")))
    }).pipe(Effect.provide(Layer.fresh(layer))),
  )

  it.live("is hidden in the refusal of a new service when the replaced one quotes it", () =>
    Effect.gen(function* () {
      yield* Effect.gen(function* () {
        const store = yield* AppConfig
        yield* followEvents
        yield* store.update(vault("q", secrets.quotedLater))
        yield* show("plan", store.plan(vault("q", secrets.replacement, "before")))
        yield* show("update", store.update(vault("q", secrets.replacement, "before")))
        assert.strictEqual(Redacted.value((yield* store.snapshot).config.vault["q"]!.key!), secrets.quotedLater)
      }).pipe(running({}))
      yield* assertNothingShown
    }).pipe(Effect.provide(Layer.fresh(layer))),
  )

  it.live("is removed from every copy of the history after a rotation, also under a misspelt key", () =>
    Effect.gen(function* () {
      const { save } = yield* DocumentFile
      const document = (policy: object) => JSON.stringify({ version: 2, vault: {}, policy }, undefined, 2)
      yield* save(document({ tokne: secrets.rotated }))
      yield* Effect.gen(function* () {
        const store = yield* AppConfig
        yield* store.replace(document({ token: secrets.rotated }))
        yield* store.update([{ path: "/policy/token", value: secrets.replacement }])
      }).pipe(running({}))
      const kept = (yield* beside).filter(({ isHistory }) => isHistory)
      assert.isAbove(kept.length, 2)
      assert.deepStrictEqual(
        kept.flatMap(({ text }) => secretsIn(text)),
        ["replacement"],
      )
    }).pipe(Effect.provide(Layer.fresh(layer))),
  )
})
