/**
 * From the start of a process to the first response, and its memory then: `signalbox serve` as `npm run build` makes it, with its
 * configuration, ledger, keys and admin API, against a bare Effect HTTP server with one route. That is bundled and minified, too, and has Node's
 * compile cache. Beside it the host without the command, bundled in just that way.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { gzipSync } from "node:zlib"
import { report } from "./measure.ts"

const ROUNDS = 20
const root = resolve(import.meta.dirname, "..", "..", "..")

export const run = async (): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), "signalbox-bench-start-"))
  try {
    // For koffi, which has a native part.
    symlinkSync(join(root, "node_modules"), join(directory, "node_modules"))
    // As in an installed package; otherwise Node reads and compiles each chunk once more to find out.
    writeFileSync(join(directory, "package.json"), `{ "type": "module" }`)
    report("start: the smallest host, in one minified file without effect", [
      { name: "KiB after gzip, against 1 KiB", ratio: await smallestHost(), target: ["≤", 45] },
    ])
    const [host, bare] = [await bundled("host", directory), await bundled("bare", directory)]
    const home = join(directory, "home", "config.json")
    const command = join(directory, "command", "signalbox.cjs")
    const { bundle } = await import(pathToFileURL(join(root, "packages", "cli", "bundle.ts")).href)
    await bundle(join(directory, "command"))
    const serving = (document: string, cache: string) =>
      start(command, ["--config", document, "serve", "--port", "0"], { XDG_CACHE_HOME: cache })
    const cases = {
      command: () => serving(home, directory),
      first: () =>
        serving(join(mkdtempSync(join(directory, "new-")), "config.json"), mkdtempSync(join(directory, "new-"))),
      host: () => start(host, [home]),
      bare: () => start(bare, []),
      plain: () => start(join(import.meta.dirname, "start", "bare.ts"), []),
    }
    const measured: Record<keyof typeof cases, Array<Measured>> = {
      command: [],
      first: [],
      host: [],
      bare: [],
      plain: [],
    }
    // The first round fills the compile caches and does not count.
    for (let round = -1; round < ROUNDS; round++) {
      for (const name of ["command", "bare", "first", "host", "plain"] as const) {
        const one = await cases[name]()
        if (round >= 0) measured[name].push(one)
      }
    }
    // Rounds are compared by themselves: the machine is faster at one time and slower at another, and a start cannot be had in small pieces.
    const ratio = (of: keyof typeof cases, what: keyof Measured, against: keyof typeof cases = "bare") =>
      median(measured[of].map((one, round) => one[what] / (measured[against][round]?.[what] ?? Number.NaN)))
    report("start: `signalbox serve`, against a bare Effect HTTP server with one route", [
      { name: "from nothing to /healthz", ratio: ratio("command", "millis"), target: ["≤", 2.2] },
      { name: "memory then (rss)", ratio: ratio("command", "rss"), target: ["≤", 1.5] },
      { name: "the very first start: a new home, nothing compiled", ratio: ratio("first", "millis") },
      { name: "`Host.serve` in one file, as that server is", ratio: ratio("host", "millis") },
      { name: "against that server not bundled", ratio: ratio("command", "millis", "plain") },
    ])
  } finally {
    rmSync(directory, { recursive: true })
  }
}

interface Measured {
  readonly millis: number
  readonly rss: number
}

const median = (values: ReadonlyArray<number>): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

/** Starts the program, sends requests until it responds, and ends it. */
const start = async (
  program: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {},
): Promise<Measured> => {
  const began = process.hrtime.bigint()
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  })
  try {
    const url = await said(child)
    const response = await fetch(`${url}/healthz`)
    if (response.status !== 200) throw new Error(`/healthz answered ${response.status}`)
    const millis = Number(process.hrtime.bigint() - began) / 1e6
    const rss = Number(execFileSync("ps", ["-o", "rss=", "-p", String(child.pid)], { encoding: "utf8" }))
    return { millis, rss }
  } finally {
    const ended = once(child, "exit")
    child.kill("SIGTERM")
    await ended
  }
}

const said = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = ""
    child.stdout!.on("data", (chunk) => {
      text += chunk
      const [, url] = /istens on (http:\S+)\s/.exec(text) ?? []
      if (url !== undefined) resolve(url)
    })
    child.once("exit", (code) => reject(new Error(`a server ended with ${code}`)))
  })

/** KiB (1,024 bytes: the unit of the first measurement, 71.0), minified and compressed, of the smallest host of the examples without effect itself. */
const smallestHost = async (): Promise<number> => {
  const { build } = await import(pathToFileURL(rolldown()).href)
  const { output } = await build({
    input: join(root, "packages", "examples", "src", "smallest.ts"),
    platform: "node",
    external: [/^effect($|\/)/, /^@effect\//, "koffi"],
    resolve: { mainFields: ["module", "main"], conditionNames: ["@signalbox/source", "import", "node"] },
    logLevel: "warn",
    write: false,
    output: { format: "esm", minify: true },
  })
  const [{ code, modules }] = output
  const ledger = Object.keys(modules).filter((name) => /Ledger|Segment/.test(name))
  if (ledger.length > 0) throw new Error(`the smallest host contains the ledger: ${ledger.join(", ")}`)
  return gzipSync(code).length / 1024
}

/** The command is bundled with it; this package needs it for nothing else. */
const rolldown = (): string => createRequire(join(root, "packages", "cli", "package.json")).resolve("rolldown")

/** One minified file, and a first line that turns Node's compile cache on. */
const bundled = async (name: string, directory: string): Promise<string> => {
  const { build } = await import(pathToFileURL(rolldown()).href)
  await build({
    input: join(import.meta.dirname, "start", `${name}.ts`),
    platform: "node",
    external: ["koffi"],
    resolve: { mainFields: ["module", "main"], conditionNames: ["@signalbox/source", "import", "node"] },
    logLevel: "warn",
    output: { dir: join(directory, name), format: "esm", minify: true, entryFileNames: "main.mjs" },
  })
  const launcher = join(directory, `${name}.mjs`)
  writeFileSync(
    launcher,
    `import { enableCompileCache } from "node:module"\nenableCompileCache(${JSON.stringify(join(directory, "cache"))})\nawait import("./${name}/main.mjs")\n`,
  )
  return launcher
}
