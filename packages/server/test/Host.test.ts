/** A host within a process of others. */
import { readFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Host, Listening } from "@signalbox/server"
import { Console, Context, Effect, Layer } from "effect"
import { program } from "./embedded.ts"
import { rest, start, temporaryDirectory } from "./processes/HostProcess.ts"

const recorded = () => {
  const lines: Array<string> = []
  const record = (...words: ReadonlyArray<unknown>) => void lines.push(words.join(" "))
  return { lines, console: { ...globalThis.console, log: record, error: record } }
}

describe("Host.layer", () => {
  it.live("serves while its Scope is open", () =>
    Effect.gen(function* () {
      const config = join(yield* temporaryDirectory, "config.json")
      const { console, lines } = recorded()
      const run = Effect.provideContext(program(config), Context.make(Console.Console, console))
      assert.include(yield* run, `"content":"Hello"`)
      assert.strictEqual(readFileSync(join(config, "..", "host.lock"), "utf8"), "")
      assert.match(lines.at(-1) ?? "", /^host\.stopping /)
      // The same process may start it again: nothing is left of the first.
      assert.include(yield* run, `"content":"Hello"`)
    }),
  )

  it.live("says who has its port, also where that is a host in the same process", () =>
    Effect.gen(function* () {
      const home = yield* temporaryDirectory
      const { console } = recorded()
      const hostIn = (name: string, port: number) =>
        Layer.build(Layer.fresh(Host.layer({ config: join(home, name, "config.json"), port }))).pipe(
          Effect.provideService(Console.Console, console),
        )
      const refusal = (port: number) => Effect.map(Effect.flip(hostIn("late", port)), ({ message }) => message)

      const silent = yield* occupied
      const said = yield* refusal(silent)
      assert.include(said, `Port ${silent} of 127.0.0.1 is taken by `)
      if (process.platform === "linux") assert.include(said, `(pid ${process.pid})`)

      const { port } = Context.get(yield* hostIn("first", 0), Listening)
      assert.include(
        yield* refusal(port),
        `Port ${port} of 127.0.0.1 is taken by another Signalbox host (pid ${process.pid}, version 0.1.0)`,
      )

      const main = yield* start(process.execPath, [
        "--conditions=@signalbox/source",
        join(import.meta.dirname, "processes", "embedded.ts"),
        JSON.stringify({ config: join(home, "main", "config.json"), port }),
      ])
      assert.strictEqual(yield* main.exit, 1)
      assert.match(
        (yield* rest(main.err)).join("\n"),
        /^Port \d+ of 127\.0\.0\.1 is taken by another Signalbox host [^\n]+$/,
      )
    }).pipe(Effect.scoped),
  )
})

/** The port of a server that accepts connections and never answers. */
const occupied = Effect.map(
  Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      const server = createServer(() => {})
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      }),
  ),
  (server) => {
    const address = server.address()
    return typeof address === "object" && address !== null ? address.port : 0
  },
)
