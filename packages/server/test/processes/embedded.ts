/** A program with a host in it. Its argument is the options as JSON. */
import * as Signalbox from "@signalbox/node/Signalbox"
import * as Host from "@signalbox/server/Host"

Signalbox.runMain(Host.layer(JSON.parse(process.argv[2] ?? "{}")))
