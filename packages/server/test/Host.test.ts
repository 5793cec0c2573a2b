/** Hosts within a program. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Console, Context, Effect, Tracer } from "effect"
import { embeddedHost } from "./EmbeddedHost.ts"
import { program } from "./embedded.ts"
import { rest, start, temporaryDirectory } from "./processes/HostProcess.ts"

it.live("serves while its Scope is open, and can start again in the same process", () =>
  Effect.gen(function* () {
    const config = join(yield* temporaryDirectory, "config.json")
    const lines: Array<string> = []
    const record = (...words: ReadonlyArray<unknown>) => void lines.push(words.join(" "))
    const console = { ...globalThis.console, log: record, error: record }
    const run = Effect.provideContext(program(config), Context.make(Console.Console, console))
    assert.include(yield* run, `"content":"Hello"`)
    assert.strictEqual(readFileSync(join(config, "..", "host.lock"), "utf8"), "")
    assert.match(lines.at(-1) ?? "", /^host\.stopping /)
    assert.include(yield* run, `"content":"Hello"`)
  }).pipe(Effect.scoped),
)

it.live("starts a trace for each request, even if the host was started within a span", () =>
  Effect.gen(function* () {
    const spans: Array<Tracer.NativeSpan> = []
    const span = (options: ConstructorParameters<typeof Tracer.NativeSpan>[0]) => {
      const made = new Tracer.NativeSpan(options)
      spans.push(made)
      return made
    }
    const { url } = yield* embeddedHost({ config: join(yield* temporaryDirectory, "config.json") }).pipe(
      Effect.withSpan("program"),
      Effect.provideService(Tracer.Tracer, Tracer.make({ span })),
    )
    yield* Effect.promise(() => fetch(`${url}/healthz`))
    const requests = spans.filter(({ kind }) => kind === "server")
    assert.deepStrictEqual(
      requests.map(({ parent }) => parent._tag),
      ["None"],
    )
  }).pipe(Effect.scoped),
)

it.live("fails the program around it with a message when another host holds its port", () =>
  Effect.gen(function* () {
    const home = yield* temporaryDirectory
    const { url } = yield* embeddedHost({ config: join(home, "first", "config.json") })
    const main = yield* start(process.execPath, [
      "--conditions=@signalbox/source",
      join(import.meta.dirname, "processes", "embedded.ts"),
      JSON.stringify({ config: join(home, "second", "config.json"), port: Number(new URL(url).port) }),
    ])
    assert.strictEqual(yield* main.exit, 1)
    assert.match(
      (yield* rest(main.err)).join("\n"),
      /^Port \d+ of 127\.0\.0\.1 is taken by another Signalbox host [^\n]+$/,
    )
  }).pipe(Effect.scoped),
)
