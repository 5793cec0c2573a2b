#!/usr/bin/env node
/**
 * Starts the `signalbox` command. Answers `--version` and `status --tmux` itself, because shell prompts and status bars run them every few
 * seconds; loads the rest of the program for everything else.
 */
import { version } from "@signalbox/api/Version"
import { useCompileCache } from "./internal/CompileCache.ts"
import { describeMissingChunks } from "./internal/ReplacedProgram.ts"
import { statusBarOf } from "./internal/StatusBar.ts"
import { writeLine } from "./internal/writeLine.ts"

const args = process.argv.slice(2)
const isVersion = args.length === 1 && (args[0] === "--version" || args[0] === "-v")
// Cli.ts refuses arguments that are not UTF-8.
const mayBeDamaged = args.some((arg) => arg.includes("\ufffd"))
const line = isVersion ? `signalbox ${version}` : mayBeDamaged ? undefined : statusBarOf(args)

// SIGHUP makes a host read its document again. Before the host listens for it, the signal must not end the process.
if (args.includes("serve")) process.on("SIGHUP", () => {})

if (line !== undefined) writeLine(line)
else {
  useCompileCache(process.env)
  if (typeof __filename === "string") describeMissingChunks(__filename)
  // Not awaited: the bundle is CommonJS.
  import("./Cli.ts").then(
    ({ run }) => run(args),
    (error: Error) => {
      process.exitCode = 1
      process.stderr.write(`signalbox: ${error.message}\n`)
    },
  )
}
