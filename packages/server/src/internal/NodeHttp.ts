/**
 * node:http without its ES module: making that asks for every export, and the lazy `WebSocket` among them loads Node's undici, which no host
 * needs and which costs as much as a third of a start.
 */
export const { createServer, get } = process.getBuiltinModule("node:http")
