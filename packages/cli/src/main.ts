#!/usr/bin/env node
/**
 * The `signalbox` command. What a prompt or a status line asks for every few seconds is answered here, before anything else is loaded;
 * everything else begins in `Start.ts`, which `Program.ts` loads.
 */
import { version } from "@signalbox/api/Version"
import { tmuxAnswer } from "./internal/StatusBar.ts"
import { say } from "./internal/writeLine.ts"

const args = process.argv.slice(2)
const isVersion = args.length === 1 && (args[0] === "--version" || args[0] === "-v")
const answer = isVersion ? `signalbox ${version}` : tmuxAnswer(args)

// A host reads its document when it starts: to be told so before it listens must not end it.
if (args.includes("serve")) process.on("SIGHUP", () => {})

if (answer !== undefined) say(answer)
// Not awaited: this is bundled as CommonJS.
else void import("./internal/Program.ts").then(({ run }) => run(version, args))
