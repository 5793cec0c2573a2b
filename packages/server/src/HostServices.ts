/** The host's services that configuration changes replace: the model table, a client for each provider, and the `Exposure` rule. */
import { Models } from "@signalbox/core/Models"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import { UpstreamClients } from "@signalbox/gateway/UpstreamClient"
import { Exposure } from "./internal/HostServices/Exposure.ts"

/**
 * The host's ServiceGraph.
 *
 * **Example** (Listing the services of a host)
 *
 * ```ts
 * import { ok } from "node:assert"
 * import { mkdtempSync } from "node:fs"
 * import { tmpdir } from "node:os"
 * import { join } from "node:path"
 * import { Host, HostServices } from "@signalbox/server"
 * import { Effect, Layer } from "effect"
 *
 * const config = join(mkdtempSync(join(tmpdir(), "signalbox-")), "config.json")
 *
 * const program = Effect.map(HostServices.status, ({ services }) => services.map(({ name }) => name)).pipe(
 *   Effect.provide(Layer.fresh(Host.layer({ config, port: 0 }))),
 * )
 *
 * ok((await Effect.runPromise(program)).includes("@signalbox/core/Models"))
 * ```
 */
export class HostServices extends ServiceGraph.Service<HostServices>()("@signalbox/server/HostServices", {
  nodes: [Models.node, UpstreamClients.node, Exposure.node],
}) {}
