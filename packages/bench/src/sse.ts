/**
 * One burst of 100 events to 1,000 clients of the feed: CPU for each delivery and memory for each client, against bare node:http that writes one buffer
 * to all. Servers and clients are separate processes, and the two servers take turns. Memory is measured after a collection, because the resident set
 * reflects earlier garbage more than clients.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { report } from "./measure.ts"
import type { ClientsRequest } from "./sse/clients.ts"
import { perBurst } from "./sse/events.ts"
import type { Answer, Answers, Question } from "./sse/Peer.ts"

const clients = 1_000
const rounds = 15

interface Case {
  /** For each client, bytes of objects and buffers. */
  readonly memory: number
  /** One burst to all: microseconds of CPU. */
  readonly burst: () => Promise<number>
  readonly end: () => void
}

export const run = async (): Promise<void> => {
  const cases = { bare: await begin("bare.ts"), ours: await begin("ours.ts") }
  const best = { bare: Number.POSITIVE_INFINITY, ours: Number.POSITIVE_INFINITY }
  for (let round = -2; round < rounds; round++) {
    for (const name of ["bare", "ours"] as const) {
      const cpu = await cases[name].burst()
      if (round >= 0) best[name] = Math.min(best[name], cpu)
    }
  }
  for (const { end } of Object.values(cases)) end()
  report(`sse: ${perBurst} events to ${clients} clients against bare node:http and one ready buffer (less is better)`, [
    { name: "CPU for each delivery", ratio: best.ours / best.bare, target: ["≤", 2] },
    { name: "memory for each client", ratio: cases.ours.memory / cases.bare.memory, target: ["≤", 2] },
  ])
}

const begin = async (program: string): Promise<Case> => {
  const server = start(program)
  const port = await answer(server, "listening")
  const before = await ask(server, "memory")
  const followers = start("clients.ts")
  followers.send({ port, count: clients } satisfies ClientsRequest)
  await once(followers, "message")
  const memory = ((await ask(server, "memory")) - before) / clients
  return {
    memory,
    burst: async () => {
      await ask(server, "memory")
      const before = await ask(server, "cpu")
      const all = once(followers, "message")
      server.send("burst" satisfies Question)
      await all
      return (await ask(server, "cpu")) - before
    },
    end: () => {
      followers.disconnect()
      server.disconnect()
    },
  }
}

const start = (program: string): ChildProcess =>
  fork(join(import.meta.dirname, "sse", program), { execArgv: ["--expose-gc", "--conditions=@signalbox/source"] })

const ask = <const Q extends "cpu" | "memory">(server: ChildProcess, question: Q): Promise<Answers[Q]> => {
  const reply = answer(server, question)
  server.send(question)
  return reply
}

const answer = <const Q extends keyof Answers>(server: ChildProcess, question: Q): Promise<Answers[Q]> =>
  new Promise((resolve) => {
    const take = (message: Answer) => {
      const value = message[question]
      if (value === undefined) return
      server.off("message", take)
      resolve(value)
    }
    server.on("message", take)
  })
