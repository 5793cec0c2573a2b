/** Recognizes addresses and names of this machine. */
import { BlockList, isIP } from "node:net"

const loopback = new BlockList()
loopback.addSubnet("127.0.0.0", 8, "ipv4")
loopback.addAddress("::1", "ipv6")

/** True for `127.0.0.0/8`, `::1` and `localhost`. Other names may resolve to any machine. */
export const isLoopback = (host: string): boolean => {
  const family = isIP(host)
  if (family === 0) return host.toLowerCase() === "localhost"
  return loopback.check(host, family === 4 ? "ipv4" : "ipv6")
}

/** True for the addresses that stand for all addresses of a machine: `0.0.0.0` and `::`. */
export const isUnspecified = (host: string): boolean => host === "0.0.0.0" || host === "::"

/** Whether a host can listen there. A name would have to be resolved, and may be the name of another machine. */
export const isListenAddress = (host: string): boolean => isIP(host) !== 0 || host.toLowerCase() === "localhost"

/** Whether a Host header can hold it as a name (RFC 9110, 7.2). */
export const isHostName = (name: string): boolean => name.length <= 253 && /^[^\s:/?#@[\]\\]+$/.test(name)
