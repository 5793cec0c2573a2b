/** The `signalbox` command as a function, for who builds another program around it; `main.ts` is the command itself. */
export { run } from "./Cli.ts"
