/** A host as a process: its argument is the options of `Host.serve` as JSON. Says on standard error why it did not start, as the command does. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Host from "@signalbox/server/Host"
import { Console, Effect } from "effect"

const options: Host.Options = JSON.parse(process.argv[2] ?? "{}")

NodeRuntime.runMain(
  Effect.tapError(Host.serve(options), ({ message, reason }) => Console.error(`${reason._tag}: ${message}`)),
  { disableErrorReporting: true },
)
