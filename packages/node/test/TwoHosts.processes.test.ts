/** Two hosts in two processes on one document: each sees the writes of the other and counts its own revisions. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { like, sha256 } from "./ConfigFollowing.ts"
import type { Started } from "./processes/Process.ts"
import { program, temporaryDirectory, told } from "./programs/Program.ts"

interface Host {
  readonly process: Started
  readonly heard: Array<any>
}

const host = Effect.fnUntraced(function* (file: string) {
  const started: Host = { process: yield* program("host.ts", [file]), heard: [] }
  return { host: started, snapshot: (yield* answer(started, "started")).started }
})

/** Collects events until the response. */
const answer = Effect.fnUntraced(function* ({ heard, process }: Host, ...members: ReadonlyArray<string>) {
  while (true) {
    const line = yield* told(process)
    if (members.some((member) => member in line)) return line
    heard.push(line)
  }
})
const ask = (host: Host, command: object) =>
  Effect.suspend(() => {
    host.process.child.stdin?.write(`${JSON.stringify(command)}\n`)
    return answer(host, "snapshot", "refused")
  })
const update = (host: Host, name: string, value: number, ifHash?: string) =>
  ask(host, { update: [{ path: `/counters/${name}`, value }], ifHash })
const snapshotOf = (host: Host) => Effect.map(ask(host, { snapshot: true }), ({ snapshot }) => snapshot)

/** The next event of this type, without another one before it. */
const hears = Effect.fnUntraced(function* ({ heard, process }: Host, type: string) {
  const event = heard.shift() ?? (yield* told(process))
  assert.strictEqual(event._tag, type, JSON.stringify(event))
  return event
})

describe("two hosts on one document", () => {
  it.live("treats a write of another host as a save of the file, with the same hash and its own revision", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryDirectory, "config.json")
      const { host: one } = yield* host(file)
      yield* hears(one, "config.seeded")
      for (let i = 1; i <= 3; i++) {
        const { snapshot } = yield* update(one, "one", i)
        like(yield* hears(one, "config.changed"), { origin: "api", revision: i + 1, hash: snapshot.hash })
      }
      const { host: two, snapshot: begun } = yield* host(file)
      const before = yield* snapshotOf(one)
      assert.strictEqual(before.revision, 4)
      assert.deepStrictEqual(begun, { ...before, revision: 1 })

      for (let i = 1; i <= 3; i++) {
        const [writer, reader, name] = i % 2 === 1 ? [one, two, "one"] : [two, one, "two"]
        const previous = yield* snapshotOf(reader)
        const { snapshot } = yield* update(writer, name, 10 * i)
        like(yield* hears(writer, "config.changed"), { origin: "api", hash: snapshot.hash })
        like(yield* hears(reader, "config.changed"), {
          origin: "file",
          hash: snapshot.hash,
          previousHash: previous.hash,
          revision: previous.revision + 1,
          paths: [`/counters/${name}`],
        })
        const seen = yield* snapshotOf(reader)
        assert.strictEqual(seen.hash, snapshot.hash)
        assert.strictEqual(seen.hash, sha256(readFileSync(file, "utf8")))
        assert.deepStrictEqual(seen.config, snapshot.config)
        assert.deepStrictEqual([(yield* snapshotOf(one)).revision, (yield* snapshotOf(two)).revision], [4 + i, 1 + i])
      }
      assert.deepStrictEqual([one.heard, two.heard], [[], []], "each change was said once")
    }),
  )

  it.live(
    "fails with a conflict if the document has changed, and otherwise applies concurrent writes of both hosts",
    () =>
      Effect.gen(function* () {
        const file = join(yield* temporaryDirectory, "config.json")
        const { host: one } = yield* host(file)
        yield* hears(one, "config.seeded")
        const { host: two, snapshot: begun } = yield* host(file)
        const written = yield* update(one, "one", 1)
        const { refused } = yield* update(two, "two", 1, begun.hash)
        assert.deepStrictEqual(refused, { _tag: "Conflict", expected: begun.hash, actual: written.snapshot.hash })

        // Concurrent writes, repeatedly: no host waits for the hint of the other.
        for (let i = 2; i <= 20; i++) {
          yield* Effect.all([update(one, "one", i), update(two, "two", i)], { concurrency: 2 })
        }
        const [left, right] = [yield* update(one, "last", 1), yield* update(two, "last", 2)]
        assert.deepStrictEqual(left.snapshot.config.counters, { one: 20, two: 20, last: 1 })
        assert.deepStrictEqual(right.snapshot.config.counters, { one: 20, two: 20, last: 2 })
        while ((yield* snapshotOf(one)).hash !== right.snapshot.hash) yield* Effect.yieldNow
        for (const { heard } of [one, two]) {
          const revisions = heard.map((event) => event.revision)
          assert.isTrue(heard.every(({ _tag }) => _tag === "config.changed"))
          assert.deepStrictEqual(
            revisions,
            revisions.map((_, index) => index + 2),
            "without a hole",
          )
        }
      }),
  )
})
