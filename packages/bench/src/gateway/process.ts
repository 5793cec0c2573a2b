/** A process of the benchmark: it says where it listens, and answers each message with the CPU it has used so far, in microseconds. */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"

/** In the process: where it listens, and what a request needs. */
export interface Started {
  readonly port: number
  readonly headers?: Readonly<Record<string, string>>
}

export const tell = (started: Started): void => {
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
    // The peer talks without having anything to say.
    stdio: ["ignore", "ignore", name === "portkey" ? "ignore" : "inherit", "ipc"],
  })
  const gone = once(child, "exit").then(([code]) => Promise.reject(new Error(`${name} ended with ${code}`)))
  // Who asks nothing any more need not hear of it.
  gone.catch(() => undefined)
  const said = (): Promise<any> => Promise.race([once(child, "message").then(([message]) => message), gone])
  const started: Started = await said()
  return {
    ...started,
    child,
    cpuMicros: () => {
      const answer = said()
      child.send("cpu")
      return answer
    },
  }
}
