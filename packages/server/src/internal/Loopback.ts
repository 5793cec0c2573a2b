/** Whether an address can be reached from this machine only. */
import { BlockList, isIP } from "node:net"

const loopback = new BlockList()
loopback.addSubnet("127.0.0.0", 8, "ipv4")
loopback.addAddress("::1", "ipv6")

/** `127.0.0.0/8`, `::1` and `localhost`; anything else, names above all, may be anywhere. */
export const isLoopback = (host: string): boolean => {
  const family = isIP(host)
  if (family === 0) return host.toLowerCase() === "localhost"
  return loopback.check(host, family === 4 ? "ipv4" : "ipv6")
}
