/** What the launcher loads: the host alone where nothing else was asked for, else the command with all that it knows. */
import { plainServe } from "./PlainServe.ts"

export const run = (args: ReadonlyArray<string>): void => {
  const flags = plainServe(args, process.env)
  if (flags === undefined) void import("../Cli.ts").then((cli) => cli.run(args))
  else void import("./Commands/serve.ts").then((serve) => serve.run(args, flags))
}
