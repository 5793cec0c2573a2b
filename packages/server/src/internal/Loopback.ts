/** Recognizes addresses that only this machine can reach. */
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
