/** A host as a process. Its argument is the options of `Host.serve` as JSON. Like the command, it prints a failed start on standard error. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Host from "@signalbox/server/Host"
import { Cause, Console, Effect, Runtime } from "effect"

const options: Host.Options = JSON.parse(process.argv[2] ?? "{}")

NodeRuntime.runMain(
  Host.serve(options).pipe(
    Effect.tapError(({ message, reason }) => Console.error(`${reason._tag}: ${message}`)),
    Effect.tapDefect((defect) => Console.error(Cause.pretty(Cause.die(defect)))),
  ),
  {
    disableErrorReporting: true,
    // Like the command: exits at once, even with unwritten output.
    teardown: (exit) => Runtime.defaultTeardown(exit, (code) => process.exit(code)),
  },
)
