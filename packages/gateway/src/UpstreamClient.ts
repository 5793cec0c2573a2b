/**
 * What carries requests to one provider. Each provider has its own client with its own connections, made for its settings: another
 * provider's new key does not touch it, and it is let go only when the last request that holds it has ended. A client sends a request once.
 */
import type { Provider } from "@signalbox/core/Providers"
import { ProviderSettings } from "@signalbox/core/Providers"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import { Context, Layer } from "effect"
import type { Upstream } from "./internal/Exchange.ts"
import * as OpenAi from "./internal/OpenAi.ts"
import * as Echo from "./internal/UpstreamClient/Echo.ts"

/** One provider's client; `ServiceGraph.each` makes one for each member of `ProviderSettings`. */
export class UpstreamClient extends Context.Service<UpstreamClient, Upstream>()("@signalbox/gateway/UpstreamClient") {
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

/** All of them, by the provider's name. */
export class UpstreamClients extends Context.Service<UpstreamClients, ReadonlyMap<string, Upstream>>()(
  "@signalbox/gateway/UpstreamClients",
) {
  /** For the nodes of a host's ServiceGraph. */
  static readonly node = ServiceGraph.each(UpstreamClients, {
    over: ProviderSettings,
    member: UpstreamClient,
    layer: UpstreamClient.layerFor,
  })
}
