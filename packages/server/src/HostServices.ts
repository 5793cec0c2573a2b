/** The host's services that configuration changes replace: the model table, a client for each provider, and the `Exposure` rule. */
import { Models } from "@signalbox/core/Models"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import { UpstreamClients } from "@signalbox/gateway/UpstreamClient"
import { Exposure } from "./internal/HostServices/Exposure.ts"

/** The host's ServiceGraph. */
export class HostServices extends ServiceGraph.Service<HostServices>()("@signalbox/server/HostServices", {
  nodes: [Models.node, UpstreamClients.node, Exposure.node],
}) {}
