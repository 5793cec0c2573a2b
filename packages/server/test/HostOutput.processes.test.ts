/** Hosts as processes whose output is not read for a while. */
import { type ChildProcess, spawn } from "node:child_process"
import { writeFileSync } from "node:fs"
import { get } from "node:http"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { type HostNote, readHostNote } from "@signalbox/server/HostNote"
import { hostPaths } from "@signalbox/server/HostPaths"
import { Effect, type Scope } from "effect"
import { command, temporaryDirectory } from "./processes/HostProcess.ts"

// Each call is printed, in the longest line possible.
const alias = "a".repeat(200)
const document = JSON.stringify({
  version: 1,
  features: { debug: true },
  providers: { echo: { kind: "echo" } },
  models: { [alias]: { provider: "echo", upstream: alias } },
})
// More than the buffers of a pipe or a terminal, less than the host's own bound.
const calls = 400

interface UnreadHost {
  readonly child: ChildProcess
  readonly note: HostNote
  /** Reads everything until it ends. */
  readonly read: Effect.Effect<string>
}

/** Starts a host without reading its output, and waits until it listens. */
const unreadHost = (
  program: string,
  args: ReadonlyArray<string>,
  config: string,
): Effect.Effect<UnreadHost, never, Scope.Scope> =>
  Effect.gen(function* () {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(program, args, { stdio: ["ignore", "pipe", "ignore"], env: { ...process.env } })),
      (child) => Effect.sync(() => void child.kill("SIGKILL")),
    )
    const note = yield* noteOf(config)
    yield* Effect.addFinalizer(() => Effect.sync(() => killed(note.ownPid)))
    const read = Effect.callback<string>((resume) => {
      let text = ""
      child.stdout.setEncoding("utf8").on("data", (part: string) => {
        text += part
      })
      child.once("close", () => resume(Effect.succeed(text)))
    })
    return { child, note, read }
  })

const killed = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL")
  } catch {}
}

/** Waits for the note in its lock, which it writes when it listens. */
const noteOf = (config: string): Effect.Effect<HostNote> =>
  Effect.suspend(() => {
    const note = readHostNote(hostPaths(config).lock)
    return note === undefined ? Effect.delay(noteOf(config), "20 millis") : Effect.succeed(note)
  })

const call = ({ url }: HostNote) =>
  Effect.promise(async () => {
    const body = JSON.stringify({ model: alias, messages: [{ role: "user", content: "x" }] })
    const headers = { "content-type": "application/json" }
    const response = await fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body })
    await response.text()
    return response.status
  })

/** Waits until nothing listens on its port. */
const closed = ({ url }: HostNote): Effect.Effect<void> =>
  Effect.callback<boolean>((resume) => {
    get(`${url}/healthz`, { agent: false }, (response) => {
      response.resume().once("end", () => resume(Effect.succeed(false)))
    }).once("error", () => resume(Effect.succeed(true)))
  }).pipe(Effect.delay("20 millis"), Effect.repeat({ until: (isClosed) => isClosed }), Effect.asVoid)

const written = Effect.map(temporaryDirectory, (directory) => {
  const config = join(directory, "config.json")
  writeFileSync(config, document, { mode: 0o600 })
  return config
})

it.live("serves and stops while nothing reads its pipe, and keeps all lines until they are read", () =>
  Effect.gen(function* () {
    const config = yield* written
    const [program, ...args] = command({ config, logFormat: "json" })
    const host = yield* unreadHost(program, args, config)
    for (let count = 0; count < calls; count++) assert.strictEqual(yield* call(host.note), 200)
    process.kill(host.note.ownPid, "SIGTERM")
    yield* closed(host.note)
    const lines = (yield* host.read).trimEnd().split("\n")
    assert.match(lines[0] ?? "", /Listening on http/)
    // The first calls may precede the subscription.
    assert.isAbove(lines.filter((line) => line.includes(`"message":"stats.recorded`)).length, calls - 10)
    assert.match(lines.at(-2) ?? "", /"message":"host\.stopping/)
    assert.match(lines.at(-1) ?? "", /"message":"Debug is off\./)
    assert.strictEqual(host.child.exitCode, 0)
  }),
)

// script(1) of macOS has other options.
it.live.skipIf(process.platform !== "linux")("serves and stops while a terminal is stopped", () =>
  Effect.gen(function* () {
    const config = yield* written
    const words = command({ config, logFormat: "json" }).map((word) => `'${word.replaceAll("'", `'\\''`)}'`)
    const args = ["--quiet", "--return", "--command", words.join(" "), "/dev/null"]
    const host = yield* unreadHost("script", args, config)
    for (let count = 0; count < calls; count++) assert.strictEqual(yield* call(host.note), 200)
    process.kill(host.note.ownPid, "SIGTERM")
    yield* closed(host.note)
    yield* host.read
    assert.strictEqual(host.child.exitCode, 0)
  }),
)
