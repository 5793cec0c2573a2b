/**
 * node:http without its ES module. Creating that module reads every export, and the lazy `WebSocket` export loads Node's undici, which takes a third of a
 * host's start and is not needed.
 */
export const { createServer, get } = process.getBuiltinModule("node:http")
