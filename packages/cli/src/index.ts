/** The `signalbox` command as a function, for programs that ship it under another name. `main.ts` is the entry point of the binary. */
export { run } from "./Cli.ts"
