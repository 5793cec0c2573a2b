/** The host as `signalbox serve` runs it, without the command around it. The argument is the path of the document. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Host from "@signalbox/server/Host"

NodeRuntime.runMain(Host.serve({ config: process.argv[2] ?? "", port: 0 }))
