/**
 * The cost of one changed alias in the running host: `signalbox serve` as `npm run build` makes it, with documents of 100, 1,000 and 10,000 models.
 * The alias is changed by a save of the file and by `config set`. CPU and the longest pause of the event loop are given in units of
 * `JSON.parse` of the same document, as is the start beyond that of a host with one model. All numbers are medians over interleaved rounds.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import type { Sample } from "./change/probe.ts"
import { type Row, report } from "./measure.ts"

const CHANGES = 9
const STARTS = 7
const parses = 5
const sizes = [100, 1_000, 10_000] as const
/** The size for which there are targets: the most models that a document may have. */
const bound = 10_000
// Background work that a change leaves behind, garbage collection for one, is counted too.
const afterwardsMillis = 300
const idleMillis = 200

type Kind = "save" | "set"

export const run = async (): Promise<void> => {
  const root = mkdtempSync(join(tmpdir(), "signalbox-bench-change-"))
  // Beneath the package, where koffi is found.
  const built = join(import.meta.dirname, "..", "build", `change-${process.pid}`)
  const bundle = join(import.meta.dirname, "..", "..", "cli", "bundle.ts")
  const bundled = spawnSync(process.execPath, ["--conditions=@signalbox/source", bundle, built], { encoding: "utf8" })
  const hosts: Array<Host> = []
  try {
    if (bundled.status !== 0) throw new Error(`the command cannot be bundled: ${bundled.stderr}`)
    const command = join(built, "signalbox.cjs")
    const rows: Array<Row> = await startRows(command, root)
    for (const size of sizes) hosts.push(await startHost(command, join(root, `changes-${size}`), size, true))
    rows.push(...(await changeRows(command, hosts)))
    report("change: one alias in the running host, in units of JSON.parse of the document", rows)
  } finally {
    await Promise.all(hosts.map(stop))
    rmSync(root, { recursive: true, force: true })
    rmSync(built, { recursive: true, force: true })
  }
}

const changeRows = async (command: string, hosts: ReadonlyArray<Host>): Promise<Array<Row>> => {
  const ratios = new Map<string, Array<number>>()
  const add = (name: string, ratio: number) => ratios.set(name, [...(ratios.get(name) ?? []), ratio])
  const memory = new Map<Host, number>()
  for (let round = -1; round < CHANGES; round++) {
    if (round === 0) for (const host of hosts) memory.set(host, (await sampleOf(host, "memory")).memoryBytes)
    for (const host of hosts) {
      for (const kind of ["save", "set"] as const) {
        const parse = parseMillis(readFileSync(host.document, "utf8"))
        const { cpuMillis, pauseMillis } = await change(command, host, kind, round)
        // The first round compiles.
        if (round < 0) continue
        add(rowName(host.size, kind, "CPU"), cpuMillis / parse)
        add(rowName(host.size, kind, "longest pause"), pauseMillis / parse)
      }
    }
  }
  for (const host of hosts) {
    const { memoryBytes } = await sampleOf(host, "memory")
    add(
      `${host.size} models: memory after ${2 * CHANGES} changes, against before`,
      memoryBytes / (memory.get(host) ?? 0),
    )
  }
  return Array.from(ratios, ([name, of]): Row => {
    if (!name.startsWith(`${bound} `)) return { name, ratio: median(of) }
    const target = name.includes("CPU") ? 10 : name.includes("pause") ? 5 : 1.3
    return { name, ratio: median(of), target: ["≤", target] }
  })
}

const rowName = (size: number, kind: Kind, what: string): string =>
  `${size} models, ${kind === "save" ? "a save" : "config set"}: ${what}`

/** From the save, or the start of the command, until everything that follows has happened. */
const change = async (command: string, host: Host, kind: Kind, round: number): Promise<Sample> => {
  const upstream = `changed-by-${kind}-${round + 1}`
  await sampleOf(host, "sample")
  await sleep(idleMillis)
  const idle = await sampleOf(host, "sample")
  const done = host.printed(/^service\.released service=@signalbox\/core\/Models /)
  if (kind === "save") {
    const { models, ...others } = JSON.parse(readFileSync(host.document, "utf8"))
    models[host.changing] = { ...models[host.changing], upstream }
    save(host.document, { ...others, models })
  } else {
    const args = [command, "--config", host.document, "config", "set", `models.${host.changing}.upstream`, upstream]
    const child = spawn(process.execPath, args, { env: host.env, stdio: ["ignore", "ignore", "inherit"] })
    const [status] = await once(child, "exit")
    if (status !== 0) throw new Error(`config set ended with ${status}`)
  }
  await done
  await sleep(afterwardsMillis)
  const busy = await sampleOf(host, "sample")
  // The probe itself wakes the host each millisecond.
  const cpuMillis = busy.cpuMillis - (idle.cpuMillis / idle.elapsedMillis) * busy.elapsedMillis
  return { ...busy, cpuMillis }
}

const startRows = async (command: string, root: string): Promise<Array<Row>> => {
  const ratios = new Map<number, Array<number>>(sizes.map((size) => [size, []]))
  for (let round = -1; round < STARTS; round++) {
    const millis = new Map<number, number>()
    for (const size of [1, ...sizes]) {
      const began = process.hrtime.bigint()
      const host = await startHost(command, join(root, `start-${size}`), size, false)
      millis.set(size, Number(process.hrtime.bigint() - began) / 1e6)
      await stop(host)
    }
    if (round < 0) continue
    for (const size of sizes) {
      const parse = parseMillis(textOf(documentOf(size)))
      ratios.get(size)!.push((millis.get(size)! - millis.get(1)!) / parse)
    }
  }
  return sizes.map((size) => ({
    name: `${size} models: start, beyond a host with one`,
    ratio: median(ratios.get(size)!),
    ...(size === bound ? { target: ["≤", 30] as const } : {}),
  }))
}

interface Host {
  readonly size: number
  readonly document: string
  readonly changing: string
  readonly env: NodeJS.ProcessEnv
  readonly child: ChildProcess
  /** Completes with the next line that matches. */
  readonly printed: (line: RegExp) => Promise<void>
}

/** Completes when the host listens. */
const startHost = async (command: string, home: string, size: number, probed: boolean): Promise<Host> => {
  const document = join(home, "config.json")
  mkdirSync(home, { recursive: true })
  save(document, documentOf(size))
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    XDG_CACHE_HOME: join(home, "..", "cache"),
  }
  const probe = probed ? [`--import=${join(import.meta.dirname, "change", "probe.ts")}`] : []
  const child = spawn(process.execPath, [...probe, command, "--config", document, "serve", "--port", "0"], {
    env,
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  })
  const lines = createInterface(child.stdout!)
  const printed = (wanted: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const ended = (code: number | null) => reject(new Error(`a host ended with ${code}`))
      const read = (line: string) => {
        if (!wanted.test(line)) return
        lines.off("line", read)
        child.off("exit", ended)
        resolve()
      }
      lines.on("line", read)
      child.once("exit", ended)
    })
  await printed(/listens on http:/)
  return { size, document, changing: `alias-${Math.floor((size * 2) / 3)}`, env, child, printed }
}

const stop = async ({ child }: Host): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, "exit")
  child.kill("SIGTERM")
  await ended
}

const sampleOf = async ({ child }: Host, wanted: "sample" | "memory"): Promise<Sample> => {
  const answer = once(child, "message")
  child.send(wanted)
  const [sample] = await answer
  return sample
}

const documentOf = (size: number) => ({
  version: 1,
  providers: { openai: { kind: "openai", base_url: "http://127.0.0.1:9/v1", api_key: "sk-benchmark-0123456789" } },
  models: Object.fromEntries(Array.from({ length: size }, (_, index) => [`alias-${index}`, modelOf(index)])),
})

const modelOf = (index: number) => ({
  provider: "openai",
  upstream: `some-vendor/model-name-${index}`,
  // Not every model spells its defaults out.
  ...(index % 3 === 0 ? {} : { enabled: index % 5 !== 0 }),
  ...(index % 2 === 0 ? {} : { allowed_keys: ["team-a", `team-${index % 50}`] }),
})

const textOf = (document: object): string => `${JSON.stringify(document, undefined, 2)}\n`

/** As editors save: a new file takes the place of the old one. */
const save = (path: string, document: object): void => {
  writeFileSync(`${path}.new`, textOf(document), { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

const parseMillis = (text: string): number =>
  median(
    Array.from({ length: parses }, () => {
      const began = process.hrtime.bigint()
      JSON.parse(text)
      return Number(process.hrtime.bigint() - began) / 1e6
    }),
  )

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN
