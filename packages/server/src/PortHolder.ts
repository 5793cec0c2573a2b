/** Describes the process that listens on a port, as far as this user may see it. It takes about half a second at most. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import { Effect } from "effect"
import { get } from "./internal/NodeHttp.ts"

/**
 * Describes the process that listens on a port. Returns `undefined` if nothing listens there, or if this user may not see the process.
 *
 * **Details**
 *
 * Another Signalbox host identifies itself over HTTP. For other processes, Linux lists the owner of the socket.
 *
 * **Example** (Asking for the holder of a free port)
 *
 * ```ts
 * import { holderOf } from "@signalbox/server/PortHolder"
 * import { Effect } from "effect"
 *
 * await Effect.runPromise(holderOf("127.0.0.1", 1)) // => undefined
 * ```
 */
export const holderOf = Effect.fn("PortHolder.holderOf")(function* (host: string, port: number) {
  const health = yield* Effect.promise(() => askHealth(host, port))
  const listener = processOf(port)
  if (health === undefined) return listener === undefined ? undefined : `${commandOf(listener)} (pid ${listener})`
  // A host in another PID namespace has another pid here, or none.
  const pid = listener === String(health.pid) ? `pid ${listener}, ` : ""
  return `another Signalbox host (${pid}version ${health.version}) with another document`
})

const timeoutMillis = 500
const maxBytes = 4_096

interface Health {
  readonly pid: number
  readonly version: string
}

const askHealth = (host: string, port: number): Promise<Health | undefined> =>
  new Promise((resolve) => {
    const unknown = () => resolve(undefined)
    const request = get({ host, port, path: "/healthz", timeout: timeoutMillis, agent: false }, (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (chunk: string) => {
        text += chunk
        if (text.length > maxBytes) request.destroy()
      })
      response.on("end", () => resolve(healthIn(text)))
      response.on("error", unknown)
    })
    // Also ends a connection that sends byte after byte.
    const timer = setTimeout(() => request.destroy(), timeoutMillis)
    request.on("error", unknown)
    request.on("timeout", () => request.destroy())
    request.on("close", () => {
      clearTimeout(timer)
      unknown()
    })
  })

/** Parses the health response of a host. Strict, because terminals show it. */
const healthIn = (text: string): Health | undefined => {
  try {
    const { pid, status, version }: { pid?: unknown; status?: unknown; version?: unknown } = JSON.parse(text)
    return status === "ok" && typeof pid === "number" && typeof version === "string" && /^[\w.+-]{1,64}$/.test(version)
      ? { pid, version }
      : undefined
  } catch {
    return undefined
  }
}

/** Returns the pid. proc(5): a listening socket has state 0A in /proc/net/tcp, and its inode is among the descriptors of its process. */
const processOf = (port: number): string | undefined => {
  const inodes = new Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) => listening(table, port)))
  if (inodes.size === 0) return undefined
  const sockets = new Set([...inodes].map((inode) => `socket:[${inode}]`))
  for (const pid of list("/proc")) {
    if (!/^\d+$/.test(pid)) continue
    for (const fd of list(`/proc/${pid}/fd`)) {
      if (sockets.has(link(`/proc/${pid}/fd/${fd}`))) return pid
    }
  }
  return undefined
}

const listening = (table: string, port: number): ReadonlyArray<string> =>
  read(table)
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = "", , state]) => state === "0A" && Number.parseInt(local.split(":")[1] ?? "", 16) === port)
    .flatMap(([, , , , , , , , , inode]) => (inode === undefined ? [] : [inode]))

/** Only the program's name: its arguments may contain secrets. */
const commandOf = (pid: string): string =>
  read(`/proc/${pid}/comm`)
    .replaceAll(/[^\w .+:/@-]/g, "")
    .trim() || "a process"

const read = (path: string): string => attempt(() => readFileSync(path, "utf8")) ?? ""
const list = (path: string): ReadonlyArray<string> => attempt(() => readdirSync(path)) ?? []
const link = (path: string): string => attempt(() => readlinkSync(path)) ?? ""

/** Processes of other users and processes that have just ended are unreadable. */
const attempt = <A>(f: () => A): A | undefined => {
  try {
    return f()
  } catch {
    return undefined
  }
}
