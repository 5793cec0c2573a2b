/**
 * Updates a document while its disk has room for 0, 1, 2 … pages, and then a growing document. Prints a line of JSON for each: the result and
 * the document on disk. It runs on its own small file system. Arguments: directory.
 */
import { closeSync, openSync, readdirSync, readFileSync, rmSync, statfsSync, writeSync } from "node:fs"
import { join } from "node:path"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import * as Signalbox from "@signalbox/node/Signalbox"
import { Effect, Layer, Logger, Schema } from "effect"

const [directory = ""] = process.argv.slice(2)
const file = join(directory, "config.json")
const filler = join(directory, "filler")

class Counting extends ConfigStore.Service<Counting>()("test/Counting", {
  schema: Schema.Struct({ count: Schema.Int, ballast: Schema.String }),
  // Three pages, of which a nearly full disk accepts a part.
  seed: `{ "count": 0, "ballast": "${"0123456789".repeat(1000)}" }\n`,
}) {}

/** Fills all but so many pages. */
const fill = (pages: number) => {
  rmSync(filler, { force: true })
  const { bavail, bsize } = statfsSync(directory)
  const fd = openSync(filler, "w")
  for (let page = pages; page < bavail; page++) writeSync(fd, Buffer.alloc(bsize))
  closeSync(fd)
}

const warnings: Array<unknown> = []

const main = Effect.gen(function* () {
  const store = yield* Counting
  const before = yield* store.snapshot
  const say = (pages: number | undefined, value: object) =>
    Effect.gen(function* () {
      const { config, hash, revision } = yield* store.snapshot
      const text = readFileSync(file, "utf8")
      console.log(
        JSON.stringify({
          pages,
          ...value,
          snapshot: { count: config.count, hash, revision },
          disk: { count: JSON.parse(text).count, bytes: text.length },
          names: [...readdirSync(directory), ...readdirSync(join(directory, "history"))].filter(
            (name) => name !== "filler" && !/^\d{15}-/.test(name),
          ),
          kept: (yield* store.history).map((entry) => entry.hash),
          problems: yield* store.problems,
          warnings: warnings.splice(0).map(String),
        }),
      )
    })
  yield* say(undefined, { hash: before.hash })
  const update = (pages: number | undefined, count: number, ballast?: string) =>
    store
      .update([
        { path: "/count", value: count },
        ...(ballast === undefined ? [] : [{ path: "/ballast", value: ballast }]),
      ])
      .pipe(
        Effect.matchEffect({
          onFailure: (error) => say(pages, { count, refused: error.reason, message: error.message }),
          onSuccess: ({ hash }) => say(pages, { count, hash }),
        }),
      )
  for (let pages = 0; pages <= 6; pages++) {
    fill(pages)
    yield* update(pages, pages + 1)
  }
  // A growing document may fit while its copy does not: the page of the old one is not enough. A lock that is held for long also needs a
  // page, for the line that names its holder.
  yield* update(undefined, 100, "small")
  fill(4)
  yield* update(4, 101, before.config.ballast)
  rmSync(filler)
  yield* update(undefined, 102)
})

const logger = Logger.make(({ message }) => void warnings.push(message))
await Effect.runPromise(
  Effect.provide(
    main,
    Layer.provideMerge(Counting.layer, Signalbox.layerAt(file)).pipe(Layer.provideMerge(Logger.layer([logger]))),
  ),
)
