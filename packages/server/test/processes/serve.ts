/** A host as a process: its argument is the options of `Host.serve` as JSON. Says on standard error why it did not start, as the command does. */
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
    // As the command: at once, whatever still waits to be written.
    teardown: (exit) => Runtime.defaultTeardown(exit, (code) => process.exit(code)),
  },
)
