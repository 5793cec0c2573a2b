/**
 * A request through the gateway (keys required, ledger on disk) against a bare proxy of node:http and undici, and against @portkey-ai/gateway: the
 * CPU time of each proxy's process for one request. Provider, proxies and caller are separate processes. The proxies take turns in many short rounds,
 * because disturbances last longer than a round, and the lower quartile of each counts.
 */
import { Pool } from "undici"
import { type Program, start } from "./gateway/process.ts"
import { report } from "./measure.ts"

const connections = 32
const json = { requests: 320, rounds: 60, stream: false }
const sse = { requests: 32, rounds: 16, stream: true }

const body = (model: string, stream: boolean) =>
  JSON.stringify({
    model,
    messages: [
      { role: "system", content: "You are a helpful assistant." },
      { role: "user", content: "Hello!" },
    ],
    temperature: 0.7,
    stream,
  })

const call = async (pool: Pool, headers: Readonly<Record<string, string>>, text: string, stream: boolean) => {
  const response = await pool.request({
    method: "POST",
    path: "/v1/chat/completions",
    headers: { "content-type": "application/json", ...headers },
    body: text,
  })
  let bytes = 0
  let last: Buffer | undefined
  for await (const chunk of response.body) {
    bytes += chunk.length
    last = chunk
  }
  const isWhole = stream ? bytes > 40_000 && String(last).trimEnd().endsWith("[DONE]") : bytes > 500
  if (response.statusCode !== 200 || !isWhole)
    throw new Error(`status ${response.statusCode}, ${bytes} bytes: ${String(last)}`)
}

interface Proxy {
  readonly program: Program
  readonly pool: Pool
  readonly headers: Readonly<Record<string, string>>
  readonly model: string
}

const request = async ({ headers, model, pool }: Proxy, requests: number, stream: boolean): Promise<void> => {
  let left = requests
  const text = body(model, stream)
  const worker = async () => {
    while (left-- > 0) await call(pool, headers, text, stream)
  }
  await Promise.all(Array.from({ length: connections }, worker))
}

/** Microseconds of CPU for one request: the lower quartile of the rounds, after a quarter of them to warm up. */
const cpuOf = async <const K extends string>(
  proxies: Readonly<Record<K, Proxy>>,
  { requests, rounds, stream }: typeof json,
): Promise<Record<K, number>> => {
  const names = Object.keys(proxies) as Array<K>
  const all = Object.fromEntries(names.map((name) => [name, [] as Array<number>])) as Record<K, Array<number>>
  for (let round = -Math.ceil(rounds / 4); round < rounds; round++) {
    for (const name of names) {
      const proxy = proxies[name]
      const before = await proxy.program.cpuMicros()
      await request(proxy, requests, stream)
      const each = ((await proxy.program.cpuMicros()) - before) / requests
      if (round >= 0) all[name].push(each)
    }
  }
  const quartile = (numbers: Array<number>) => numbers.sort((left, right) => left - right)[Math.floor(rounds / 4)]!
  return Object.fromEntries(names.map((name) => [name, quartile(all[name])])) as Record<K, number>
}

export const run = async (): Promise<void> => {
  const upstream = await start("upstream")
  const programs = {
    bare: await start("bare", [String(upstream.port)]),
    ours: await start("ours", [String(upstream.port)]),
    portkey: await start("portkey"),
  }
  const proxyOf = (program: Program, model: string, headers: Readonly<Record<string, string>> = {}): Proxy => ({
    program,
    model,
    headers: { ...program.headers, ...headers },
    pool: new Pool(`http://127.0.0.1:${program.port}`, { connections }),
  })
  const proxies = {
    bare: proxyOf(programs.bare, "gpt-4.1-mini"),
    ours: proxyOf(programs.ours, "fast"),
    portkey: proxyOf(programs.portkey, "gpt-4.1-mini", {
      authorization: "Bearer sk-proj-of-the-provider-0123456789",
      "x-portkey-provider": "openai",
      "x-portkey-custom-host": `http://127.0.0.1:${upstream.port}/v1`,
    }),
  }

  const small = await cpuOf(proxies, json)
  const long = await cpuOf(proxies, sse)

  for (const { pool } of Object.values(proxies)) await pool.destroy()
  for (const { child } of [upstream, ...Object.values(programs)]) child.disconnect()

  report("gateway: CPU of the proxy's process for one request", [
    { name: "small JSON, 32 connections, bare / ours", ratio: small.bare / small.ours, target: ["≥", 0.7] },
    {
      name: "small JSON, 32 connections, @portkey-ai/gateway / ours",
      ratio: small.portkey / small.ours,
      target: ["≥", 5],
    },
    { name: "stream of 200 chunks, bare / ours", ratio: long.bare / long.ours, target: ["≥", 0.8] },
    { name: "stream of 200 chunks, @portkey-ai/gateway / ours", ratio: long.portkey / long.ours, target: ["≥", 1.3] },
  ])
}
