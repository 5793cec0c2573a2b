/** The messages between the bench and the process of a server. */
export type Question = "burst" | "cpu" | "memory"

export interface Answers {
  readonly listening: number
  /** CPU time of the process in microseconds, user and system. */
  readonly cpu: number
  /** Bytes of objects and buffers after a collection. */
  readonly memory: number
}
export type Answer = Partial<Answers>

/** Sends the port, then responds to messages until the process ends. */
export const serve = (port: number, publish: () => void): void => {
  process.on("message", (question: Question) => {
    if (question === "burst") publish()
    else send(question === "cpu" ? { cpu: cpu() } : { memory: memory() })
  })
  process.on("disconnect", () => process.exit())
  send({ listening: port })
}

const send = (answer: Answer): void => {
  process.send?.(answer)
}

const cpu = (): number => {
  const { system, user } = process.cpuUsage()
  return system + user
}

const memory = (): number => {
  for (let round = 0; round < 3; round++) globalThis.gc?.()
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
}
