/**
 * The clients that send requests to providers. Each provider has a client of its own with its own connections, built from its settings: a new
 * key of one provider does not touch another. A client is released when the last request that uses it has ended. A client never retries.
 */
import type { Provider } from "@signalbox/core/Providers"
import { ProviderSettings } from "@signalbox/core/Providers"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import { Context, Layer } from "effect"
import type { Upstream } from "./internal/Exchange.ts"
import * as OpenAi from "./internal/OpenAi.ts"
import * as Echo from "./internal/UpstreamClient/Echo.ts"

/**
 * The client of one provider.
 *
 * **When to use**
 *
 * A host uses `UpstreamClients.node`. Use this service only to build a node that wraps `layerFor`.
 *
 * **Example** (Building the client of one provider)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { UpstreamClient } from "@signalbox/gateway/UpstreamClient"
 * import { Effect } from "effect"
 *
 * const program = Effect.map(UpstreamClient, ({ kind }) => kind).pipe(
 *   Effect.provide(UpstreamClient.layerFor({ kind: "echo" }, "local")),
 * )
 *
 * strictEqual(await Effect.runPromise(program), "echo")
 * ```
 */
export class UpstreamClient extends Context.Service<UpstreamClient, Upstream>()("@signalbox/gateway/UpstreamClient") {
  /** Builds the client of one member of `ProviderSettings`. */
  static readonly layerFor = (provider: Provider, name: string): Layer.Layer<UpstreamClient> => {
    switch (provider.kind) {
      case "openai":
        return Layer.effect(UpstreamClient, OpenAi.make(provider, name))
      case "echo":
        return Layer.effect(UpstreamClient, Echo.make(name))
      case "anthropic":
        return Layer.succeed(UpstreamClient, {
          provider: name,
          kind: "anthropic",
          chatCompletions: undefined,
          load: { inFlight: 0 },
          keyStatus: { isRefused: false },
          redact: (text) => text,
          secret: undefined,
        })
    }
  }
}

/**
 * The clients of all configured providers, by provider name.
 *
 * **Example** (A graph that serves the gateway)
 *
 * ```ts
 * import { Models } from "@signalbox/core/Models"
 * import * as ServiceGraph from "@signalbox/core/ServiceGraph"
 * import { UpstreamClients } from "@signalbox/gateway/UpstreamClient"
 *
 * class Services extends ServiceGraph.Service<Services>()("example/Services", {
 *   nodes: [Models.node, UpstreamClients.node],
 * }) {}
 *
 * Services.key // => "example/Services"
 * ```
 */
export class UpstreamClients extends Context.Service<UpstreamClients, ReadonlyMap<string, Upstream>>()(
  "@signalbox/gateway/UpstreamClients",
) {
  /** The node for a host's ServiceGraph. A change of one provider's settings rebuilds the client of that provider only. */
  static readonly node = ServiceGraph.each(UpstreamClients, {
    over: ProviderSettings,
    member: UpstreamClient,
    layer: UpstreamClient.layerFor,
  })
}
