import { assert, describe, it } from "@effect/vitest"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import { MemoryDocument } from "@signalbox/core/MemoryConfigSource"
import { Effect } from "effect"
import { ask, client, host, secret } from "./AdminHost.ts"

const days = (value: number) => ({ edits: [{ path: "/retention/ledger_days", value }] })
const change = { path: "/retention/ledger_days", before: 60, after: 7 }
const openai = { edits: [{ path: "/providers/openai", value: { kind: "openai", api_key: secret } }] }

describe("the typed client of the configuration", () => {
  it.live("reads document and effective configuration, with the hash as entity tag", () =>
    Effect.gen(function* () {
      const admin = yield* client
      const { body, headers } = yield* admin.config.get()
      assert.strictEqual(headers.etag, `"${body.hash}"`)
      assert.deepInclude(body, { source: "memory", revision: 1, problems: [], warnings: [] })
      assert.deepInclude((body.effective as any).stats, { window_minutes: 30 })
      assert.include(body.text, `"echo": { "kind": "echo" }`)
    }).pipe(Effect.provide(host)),
  )

  it.live("writes edits, a value, a removal and a whole text, and returns the changes of each", () =>
    Effect.gen(function* () {
      const admin = yield* client
      const { config } = admin
      const edited = yield* config.update({ headers: {}, payload: days(7) })
      assert.deepInclude(edited.body, { revision: 2, changes: [change], shadowed: [], restartRequired: [] })
      assert.strictEqual(edited.headers.etag, `"${edited.body.hash}"`)
      const path = "/listen/port"
      const set = yield* config.setValue({ headers: {}, query: { path }, payload: { value: 9 } })
      assert.deepInclude(set.body, { changes: [{ path, before: 4747, after: 9 }], restartRequired: [path] })
      const removed = yield* config.removeValue({ headers: {}, query: { path } })
      assert.deepInclude(removed.body, { changes: [{ path, before: 9, after: 4747 }] })
      const { body } = yield* config.get()
      const replaced = yield* config.replace({
        headers: { "if-match": `"${body.hash}"` },
        payload: { text: body.text.replace(`"ledger_days": 7`, `"ledger_days": 60`) },
      })
      assert.deepInclude(replaced.body, { changes: [{ path: change.path, before: 7, after: 60 }] })
    }).pipe(Effect.provide(host)),
  )

  it.live("summarizes the state without its text and values", () =>
    Effect.gen(function* () {
      const { config } = yield* client
      const { cursor: _, effective: __, text: ___, ...others } = (yield* config.get()).body
      const { body, headers } = yield* config.summary()
      assert.deepStrictEqual(body, others)
      assert.deepStrictEqual(headers, { etag: `"${body.hash}"` })
    }).pipe(Effect.provide(host)),
  )

  it.live("reads a value by its path, with the layer that it comes from", () =>
    Effect.gen(function* () {
      const { config } = yield* client
      const value = (path: string) => Effect.map(config.getValue({ query: { path } }), ({ body }) => body)
      assert.deepInclude(yield* value("/stats/window_minutes"), { value: 30, provenance: "environment" })
      assert.deepInclude(yield* value("/models/echo/upstream"), { value: "echo-1", provenance: "document" })
      assert.deepInclude(yield* value("/models/echo/allowed_keys/0"), { value: "*", provenance: "default" })
      const missing = yield* Effect.flip(config.getValue({ query: { path: "/retention/ledger_dais" } }))
      assert.strictEqual(missing._tag, "NotFound")
      assert.include(missing.message, `did you mean "ledger_days"`)
      assert.strictEqual((yield* Effect.flip(config.getValue({ query: { path: "models" } })))._tag, "Invalid")
    }).pipe(Effect.provide(host)),
  )

  it.live("plans edits or a text without changing anything, and reports who would refuse them", () =>
    Effect.gen(function* () {
      const { config } = yield* client
      const before = yield* config.get()
      const planned = yield* config.plan({ payload: days(7) })
      assert.deepInclude(planned, { changes: [change], problems: [] })
      const model = { edits: [{ path: "/models/fast", value: { upstream: "x", provider: "echo" } }] }
      assert.deepInclude(yield* config.plan({ payload: model }), { rebuilt: ["@signalbox/core/Models"] })
      const refused = yield* config.plan({ payload: { text: `{\n "retention": { "ledger_days": -1 } }` } })
      assert.deepInclude(refused.problems[0], { path: change.path, line: 2 })
      const hidden = yield* config.plan({ payload: { edits: [{ path: "/stats/window_minutes", value: 5 }] } })
      assert.deepInclude(hidden, { shadowed: ["/stats/window_minutes"], changes: [] })
      assert.strictEqual((yield* config.get()).body.hash, before.body.hash)
    }).pipe(Effect.provide(host)),
  )

  it.live("reloads the source, undoes the reload, and keeps both in the history", () =>
    Effect.gen(function* () {
      const { config } = yield* client
      const first = (yield* config.get()).body
      yield* (yield* MemoryDocument).save(first.text.replace(`"auth": false`, `"auth": true`))
      const reloaded = yield* config.reload({ payload: null })
      assert.deepStrictEqual(reloaded.changes, [{ path: "/features/auth", before: false, after: true }])
      assert.strictEqual(reloaded.summary, "Reloaded config (1 change):\n- features.auth: false → true")
      const undone = yield* config.undo()
      assert.strictEqual(undone.body.hash, first.hash)
      const { entries } = yield* config.history()
      assert.deepStrictEqual(
        entries.map(({ current, hash }) => [hash === first.hash, current]),
        [
          [true, true],
          [false, false],
          // Only the newest entry of a document is the current one.
          [true, false],
        ],
      )
      assert.strictEqual((yield* Effect.flip(config.undo()))._tag, "Conflict")
      const provider = { kind: "openai", api_key: "sk-old" }
      yield* config.update({ headers: {}, payload: { edits: [{ path: "/providers/o", value: provider }] } })
      const rotated = [{ path: "/providers/o/api_key", value: "sk-new" }]
      yield* config.update({ headers: {}, payload: { edits: rotated } })
      const kept = yield* Effect.flip(config.undo())
      assert.strictEqual(kept._tag, "Conflict")
      assert.include(kept.message, "the secret at /providers/o/api_key")
      const past = yield* config.past({ params: { hash: entries[1]!.hash.slice(0, 8) } })
      assert.include(past.text, `"auth": true`)
      const diff = yield* config.diff({ query: { from: first.hash, to: past.hash } })
      assert.deepStrictEqual(diff.changes, reloaded.changes)
      assert.strictEqual((yield* Effect.flip(config.past({ params: { hash: "0000000" } })))._tag, "NotFound")
    }).pipe(Effect.provide(host)),
  )

  it.live("returns the JSON Schema of the document with its defaults and without null", () =>
    Effect.gen(function* () {
      const schema: any = yield* (yield* client).config.schema()
      assert.strictEqual(schema.properties.listen.properties.port.default, 4747)
      assert.notInclude(JSON.stringify(schema), `"null"`)
      const openai = schema.properties.providers.additionalProperties.anyOf[0].properties
      assert.deepInclude(openai.api_key, { type: "string", minLength: 1 })
    }).pipe(Effect.provide(host)),
  )

  it.live("keeps a secret when a redacted text is sent back", () =>
    Effect.gen(function* () {
      const { config } = yield* client
      yield* config.update({ headers: {}, payload: openai })
      const { text } = (yield* config.get()).body
      assert.include(text, "<redacted>")
      yield* config.replace({ headers: {}, payload: { text: `// edited\n${text}` } })
      assert.include(yield* (yield* MemoryDocument).text, secret)
    }).pipe(Effect.provide(host)),
  )
})

describe("refusals of the configuration", () => {
  it.live(
    "refuses a stale entity tag with 412 and the current hash, and accepts the current tag, a list with it, and *",
    () =>
      Effect.gen(function* () {
        const { config } = yield* client
        const first = (yield* config.get()).body.hash
        const write = (tag: string, value: number) =>
          ask("/api/config", { method: "PATCH", headers: { "if-match": tag }, body: JSON.stringify(days(value)) })
        assert.strictEqual((yield* write(`"${first}"`, 1)).status, 200)
        const second = (yield* config.get()).body.hash
        const stale = yield* write(`"${first}"`, 2)
        assert.strictEqual(stale.status, 412)
        assert.deepInclude(stale.json, { type: "urn:signalbox:problem:stale", expected: first, actual: second })
        assert.strictEqual((yield* write(`W/"${second}"`, 2)).status, 412)
        assert.strictEqual((yield* write(`"no", "${first}"`, 2)).status, 412)
        for (const invalid of ["nothing quoted", `""`]) assert.strictEqual((yield* write(invalid, 2)).status, 400)
        assert.strictEqual((yield* config.get()).body.hash, second)
        assert.strictEqual((yield* write(`"no", "${second}"`, 3)).status, 200)
        assert.strictEqual((yield* write("*", 4)).status, 200)
        const typed = yield* Effect.flip(config.update({ headers: { "if-match": `"${first}"` }, payload: days(5) }))
        assert.strictEqual(typed._tag, "Stale")
      }).pipe(Effect.provide(host)),
  )

  it.live("refuses an invalid document with 422 and the position of each problem, without its secrets", () =>
    Effect.gen(function* () {
      const text = `{\n "providers": { "a": { "kind": "openai", "api_key": { "is": "${secret}" } } } }`
      const refused = yield* ask("/api/config", { method: "PUT", body: JSON.stringify({ text }) })
      assert.strictEqual(refused.status, 422)
      assert.strictEqual(refused.json.type, "urn:signalbox:problem:rejected")
      assert.deepInclude(refused.json.problems[0], { by: "schema", line: 2 })
      assert.include(refused.json.detail, "Correct this and try again")
      assert.notInclude(refused.body, secret)
    }).pipe(Effect.provide(host)),
  )

  it.live("fails with 503 and Retry-After for an unavailable source, and with 507 for a full disk", () =>
    Effect.gen(function* () {
      const document = yield* MemoryDocument
      const write = () => ask("/api/config", { method: "PATCH", body: JSON.stringify(days(1)) })
      yield* document.fail("EACCES")
      const unavailable = yield* write()
      assert.deepStrictEqual([unavailable.status, unavailable.headers["retry-after"]], [503, "2"])
      assert.deepInclude(unavailable.json, {
        type: "urn:signalbox:problem:unavailable",
        code: "EACCES",
        path: "memory",
      })
      yield* document.fail("ENOSPC")
      assert.deepInclude(yield* write(), { status: 507 })
      yield* document.fail(undefined)
      assert.deepInclude(yield* write(), { status: 200 })
    }).pipe(Effect.provide(host)),
  )

  it.live(
    "refuses edits while the document at the source is refused, reports why, and undoes it to the last good one",
    () =>
      Effect.gen(function* () {
        const { config } = yield* client
        yield* (yield* MemoryDocument).save(`{ "listen": { "port": "${secret}" } }`)
        const reload = yield* Effect.flip(config.reload({ payload: null }))
        assert.strictEqual(reload._tag, "Rejected")
        assert.lengthOf((yield* config.get()).body.problems, 1)
        assert.strictEqual((yield* Effect.flip(config.update({ headers: {}, payload: days(1) })))._tag, "Rejected")
        yield* config.undo()
        assert.lengthOf((yield* config.get()).body.problems, 0)
        assert.notInclude((yield* (yield* ConfigSource).read).text, secret)
        const { entries } = yield* config.history()
        assert.deepStrictEqual(
          entries.map(({ current, neverInForce }) => [current, neverInForce]),
          [
            [false, "overwritten"],
            [true, undefined],
          ],
        )
      }).pipe(Effect.provide(host)),
  )
})
