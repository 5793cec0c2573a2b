/** A process of the benchmark: it reports its port, and replies to each message with the CPU time it has used, in microseconds. */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"

/** The first message of the process: its port, and headers for requests. */
export interface Started {
  readonly port: number
  readonly headers?: Readonly<Record<string, string>>
}

export const report = (started: Started): void => {
  process.on("message", () => {
    const { system, user } = process.cpuUsage()
    process.send?.(user + system)
  })
  process.on("disconnect", () => process.exit())
  process.send?.(started)
}

export interface Program extends Started {
  readonly child: ChildProcess
  readonly cpuMicros: () => Promise<number>
}

/** In the benchmark: starts `gateway/NAME.ts`. */
export const start = async (name: string, args: ReadonlyArray<string> = []): Promise<Program> => {
  const child = fork(join(import.meta.dirname, `${name}.ts`), args, {
    execArgv: ["--conditions=@signalbox/source", ...(process.env["GATEWAY_PROFILE"] === name ? ["--cpu-prof"] : [])],
    // The peer prints too much.
    stdio: ["ignore", "ignore", name === "portkey" ? "ignore" : "inherit", "ipc"],
  })
  const exited = once(child, "exit").then(([code]) => Promise.reject(new Error(`${name} ended with ${code}`)))
  // The exit matters only to a pending question.
  exited.catch(() => undefined)
  const nextMessage = (): Promise<any> => Promise.race([once(child, "message").then(([message]) => message), exited])
  const started: Started = await nextMessage()
  return {
    ...started,
    child,
    cpuMicros: () => {
      const response = nextMessage()
      child.send("cpu")
      return response
    },
  }
}
