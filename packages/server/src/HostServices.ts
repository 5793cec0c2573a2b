/** What requests use and what is replaced while the host runs: the model table, one client for each provider, and a rule that nothing may break. */
import { Models } from "@signalbox/core/Models"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import { UpstreamClients } from "@signalbox/gateway/UpstreamClient"
import { Exposure } from "./internal/HostServices/Exposure.ts"

/** The host's graph. */
export class HostServices extends ServiceGraph.Service<HostServices>()("@signalbox/server/HostServices", {
  nodes: [Models.node, UpstreamClients.node, Exposure.node],
}) {}
