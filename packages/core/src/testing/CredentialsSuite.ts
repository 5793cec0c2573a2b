/** The contract of every `Credentials`. Run it with `credentialsSuite(name, layer)`. Each test builds the layer again and expects it to be empty. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Credentials, type CredentialsError } from "../Credentials.ts"
import type { AnyEvent } from "../Event.ts"
import { EventBus } from "../EventBus.ts"

export const credentialsSuite = <E>(name: string, layer: Layer.Layer<Credentials | EventBus, E>): void => {
  describe(name, () => {
    const test = (title: string, body: Effect.Effect<void, unknown, Credentials | EventBus | Scope.Scope>) =>
      it.effect(title, () => Effect.scoped(Effect.provide(body, Layer.fresh(layer))))
    adding(test)
    refusing(test)
    revoking(test)
    telling(test)
  })
}

type Test = (title: string, body: Effect.Effect<void, unknown, Credentials | EventBus | Scope.Scope>) => void

/** Adds a key and returns its secret. */
const added = Effect.fnUntraced(function* (id: string) {
  const { add } = yield* Credentials
  return Redacted.value((yield* add({ id })).secret)
})
const idOf = (secret: string) => Effect.map(Credentials, ({ authenticate }) => authenticate(secret)?.id)
const ids = Effect.gen(function* () {
  const { list } = yield* Credentials
  return (yield* list).map(({ id }) => id)
})
const reasonOf = <A, R>(effect: Effect.Effect<A, CredentialsError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason)

const adding = (test: Test) => {
  test(
    "authenticates the secret of an added key",
    Effect.gen(function* () {
      const { add, authenticate, list, problem } = yield* Credentials
      yield* TestClock.setTime(1_000)
      const { credential, secret } = yield* add({ id: "ci.build-1", label: "the builds", models: ["fast", "slow"] })
      const expected = {
        id: "ci.build-1",
        kind: "key" as const,
        label: "the builds",
        models: ["fast", "slow"],
        createdAt: 1_000,
      }
      assert.deepStrictEqual(credential, expected)
      assert.deepStrictEqual(authenticate(Redacted.value(secret)), expected)
      assert.deepStrictEqual(yield* list, [expected])
      assert.isUndefined(yield* problem)
    }),
  )
  test(
    "allows every model to a key without models or a label",
    Effect.gen(function* () {
      const { add } = yield* Credentials
      const { credential } = yield* add({ id: "all" })
      assert.deepStrictEqual([credential.models, credential.label], [["*"], ""])
    }),
  )
  test(
    "generates long, distinct secrets with a recognisable prefix, and never prints them",
    Effect.gen(function* () {
      const { add } = yield* Credentials
      const answers = yield* Effect.forEach(["a", "b", "c"], (id) => add({ id }))
      const secrets = answers.map(({ secret }) => Redacted.value(secret))
      for (const secret of secrets) assert.match(secret, /^sk-signalbox-[A-Za-z0-9_-]{43}$/)
      assert.strictEqual(new Set(secrets).size, 3)
      for (const secret of secrets) assert.notInclude(JSON.stringify(answers) + String(answers[0]!.secret), secret)
    }),
  )
  test(
    "adds all keys of concurrent calls",
    Effect.gen(function* () {
      const names = Array.from({ length: 20 }, (_, index) => `key${index}`)
      const secrets = yield* Effect.forEach(names, added, { concurrency: "unbounded" })
      assert.deepStrictEqual(yield* Effect.forEach(secrets, idOf), names)
      assert.deepStrictEqual((yield* ids).toSorted(), names.toSorted())
    }),
  )
  test(
    "lists the oldest key first",
    Effect.gen(function* () {
      for (const id of ["z", "m", "a"]) {
        yield* added(id)
        yield* TestClock.setTime(id === "z" ? 5_000 : 9_000)
      }
      assert.deepStrictEqual(yield* ids, ["z", "m", "a"])
    }),
  )
}

const refusing = (test: Test) => {
  test(
    "refuses a missing, partial, extended and endless secret",
    Effect.gen(function* () {
      const secret = yield* added("one")
      const { authenticate } = yield* Credentials
      const others = ["", " ", "one", secret.slice(0, -1), `${secret}x`, ` ${secret}`, secret.toUpperCase()]
      for (const other of [...others, secret + secret, "x".repeat(257), "\u0000", "\ud800", "é".repeat(100_000_000)]) {
        assert.isUndefined(authenticate(other))
      }
      assert.strictEqual(authenticate(secret)?.id, "one")
    }),
  )
  test(
    "refuses an existing id and keeps its secret",
    Effect.gen(function* () {
      const secret = yield* added("one")
      const { add } = yield* Credentials
      const error = yield* Effect.flip(add({ id: "one" }))
      assert.deepInclude(error.reason, { _tag: "CredentialExists", id: "one" })
      assert.include(error.message, '"one"')
      assert.strictEqual(yield* idOf(secret), "one")
    }),
  )
  test(
    "refuses values beyond their bounds, names the field, and adds nothing",
    Effect.gen(function* () {
      const { add } = yield* Credentials
      const wrong = [
        ["id", { id: "" }],
        ["id", { id: "-x" }],
        ["id", { id: "a/b" }],
        ["id", { id: "__proto__" }],
        ["id", { id: "x".repeat(65) }],
        ["label", { id: "x", label: "x".repeat(201) }],
        ["label", { id: "x", label: "two\nlines" }],
        ["models", { id: "x", models: [""] }],
        ["models", { id: "x", models: ["x".repeat(201)] }],
        ["models", { id: "x", models: Array.from({ length: 1_001 }, (_, index) => `m${index}`) }],
      ] as const
      for (const [field, options] of wrong) {
        const error = yield* Effect.flip(add(options))
        assert.deepInclude(error.reason, { _tag: "CredentialInvalid", field })
        assert.match(error.message, new RegExp(`its ${field} must `))
      }
      assert.deepStrictEqual(yield* ids, [])
      yield* add({
        id: "x".repeat(64),
        label: "é".repeat(200),
        models: Array.from({ length: 1_000 }, (_, i) => `m${i}`),
      })
    }),
  )
}

const revoking = (test: Test) => {
  test(
    "refuses a revoked key at once, and no other",
    Effect.gen(function* () {
      const [one, two] = [yield* added("one"), yield* added("two")]
      const { revoke } = yield* Credentials
      yield* revoke("one")
      assert.deepStrictEqual([yield* idOf(one), yield* idOf(two)], [undefined, "two"])
      assert.deepStrictEqual(yield* ids, ["two"])
    }),
  )
  test(
    "gives a new secret to a key that is added again under a revoked id",
    Effect.gen(function* () {
      const old = yield* added("one")
      const { revoke } = yield* Credentials
      yield* revoke("one")
      const secret = yield* added("one")
      assert.deepStrictEqual([yield* idOf(old), yield* idOf(secret)], [undefined, "one"])
    }),
  )
  test(
    "suggests near ids when an unknown one is revoked, and revokes nothing",
    Effect.gen(function* () {
      yield* added("builds")
      const { revoke } = yield* Credentials
      assert.deepInclude(yield* reasonOf(revoke("bulids")), {
        _tag: "CredentialUnknown",
        id: "bulids",
        near: ["builds"],
      })
      const { message } = yield* Effect.flip(revoke("x".repeat(1_000_000)))
      assert.isBelow(message.length, 300)
      assert.deepStrictEqual(yield* ids, ["builds"])
    }),
  )
}

const telling = (test: Test) => {
  test(
    "publishes ids of added and revoked keys, and no trace of their secrets",
    Effect.gen(function* () {
      const { add, revoke } = yield* Credentials
      const events = yield* EventBus.use(({ subscribe }) => subscribe())
      yield* add({ id: "one", label: "first", models: ["fast"] })
      yield* Effect.flip(add({ id: "one" }))
      yield* Effect.flip(revoke("two"))
      yield* revoke("one")
      const told = yield* Stream.runCollect(Stream.take(events, 2))
      assert.deepStrictEqual(
        told.map((item) => (item._tag === "Gap" ? item : plain(item.event))),
        [
          { _tag: "credential.added", id: "one", kind: "key", label: "first" },
          { _tag: "credential.revoked", id: "one", kind: "key", label: "first" },
        ],
      )
    }),
  )
}

const plain = (event: AnyEvent): unknown => ({ ...event })
