import { assert, describe, it } from "@effect/vitest"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import { SimulatedDisk } from "@signalbox/core/testing/SimulatedDisk"
import { Effect } from "effect"
import { directory, find, foreign, life, onDisk, temporary } from "./FileConfigSourceDisk.ts"

/** Two documents whose locks are two, and whose files stand in one directory. */
const pairs = [
  {
    what: "of which one has the other's name and more",
    mine: `${directory}/config`,
    theirs: `${directory}/config.json`,
  },
  { what: "that links of the same name lead to", mine: "/mine/config.json", theirs: "/theirs/config.json" },
] as const

const prepare = foreign((fs) =>
  Effect.gen(function* () {
    for (const path of ["/mine", "/theirs", directory]) yield* fs.makeDirectory(path, { recursive: true })
    for (const name of ["mine", "theirs"]) yield* fs.symlink(`${directory}/${name}.json`, `/${name}/config.json`)
  }),
)
const using = <A, E>(path: string, f: (source: ConfigSource["Service"]) => Effect.Effect<A, E>) =>
  Effect.provide(ConfigSource.use(f), life(path))

describe("two documents in one directory", () => {
  for (const { mine, theirs, what } of pairs) {
    const works = {
      write: (source: ConfigSource["Service"], hash: string) => Effect.asVoid(source.write("theirs", hash)),
      "keep in the history": (source: ConfigSource["Service"], hash: string) => source.history.keep("kept", hash),
    }
    for (const [name, work] of Object.entries(works)) {
      it.effect(`${what} ${name} without disturbing each other`, () =>
        Effect.gen(function* () {
          const disk = yield* SimulatedDisk
          yield* prepare
          const { hash } = yield* using(mine, (source) => source.seed("old"))
          yield* using(theirs, (source) => source.seed("old"))
          let meanwhile = 0
          yield* disk.before((operation) =>
            find("sync", temporary)(operation) && meanwhile++ === 0
              ? Effect.orDie(Effect.asVoid(using(mine, (source) => source.write("mine", hash)))).pipe(
                  Effect.provideService(SimulatedDisk, disk),
                )
              : Effect.void,
          )
          yield* using(theirs, (source) => work(source, hash))
          assert.isAbove(meanwhile, 1)
        }).pipe(Effect.scoped, onDisk()),
      )
    }
  }

  it.effect("keep their saves in their own histories, in any order of starts", () =>
    Effect.gen(function* () {
      const { mine, theirs } = pairs[0]
      const saved = `${directory}/.config.json.0123456789.${"a".repeat(16)}.${"b".repeat(16)}.old`
      yield* prepare
      yield* foreign((fs) => fs.writeFileString(saved, "saved"))
      yield* using(mine, (source) => source.seed("mine"))
      assert.isTrue(yield* foreign((fs) => fs.exists(saved)))
      const kept = yield* using(theirs, (source) =>
        Effect.flatMap(source.hash("saved"), (hash) => source.history.read(hash)),
      )
      assert.strictEqual(kept?.text, "saved")
      assert.isFalse(yield* foreign((fs) => fs.exists(saved)))
    }).pipe(onDisk()),
  )
})
