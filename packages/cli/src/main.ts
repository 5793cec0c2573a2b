#!/usr/bin/env node
/**
 * The `signalbox` command. What a prompt or a status line asks for every few seconds is answered here, before anything else is loaded;
 * everything else is in `Cli.ts`.
 */
import { version } from "@signalbox/api/Version"
import { useCompileCache } from "./Cli/CompileCache.ts"
import { say } from "./Cli/Say.ts"

const args = process.argv.slice(2)
const isVersion = args.length === 1 && (args[0] === "--version" || args[0] === "-v")

if (isVersion) say(`signalbox ${version}`)
else {
  useCompileCache(version)
  const { run } = await import("./Cli.ts")
  run(args)
}
