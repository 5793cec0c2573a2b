/** The short names of environment variables: `SIGNALBOX_PORT` means `SIGNALBOX_LISTEN_PORT` and takes precedence over it. */
import { VariableNames } from "@signalbox/core/ConfigStore"
import { ConfigProvider, Context, Effect, Layer } from "effect"

const short = "SIGNALBOX_PORT"
const long = "SIGNALBOX_LISTEN_PORT"

/**
 * Replaces the long name of a variable in a message by the short name, if the short one is set.
 *
 * **Example** (Naming the variable that is set)
 *
 * ```ts
 * import { useShortNames } from "@signalbox/server/HostEnvironment"
 *
 * useShortNames("SIGNALBOX_LISTEN_PORT is not a port", { SIGNALBOX_PORT: "x" }) // => "SIGNALBOX_PORT is not a port"
 * ```
 */
export const useShortNames = (sentence: string, environment: Readonly<Record<string, string | undefined>>): string =>
  environment[short] === undefined ? sentence : sentence.replaceAll(long, short)

/**
 * Returns a provider that reads the short names first.
 *
 * **Example** (Reading the port of a host)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { withShortNames } from "@signalbox/server/HostEnvironment"
 * import { Config, ConfigProvider, Effect } from "effect"
 *
 * const provider = withShortNames(ConfigProvider.fromEnv({ env: { SIGNALBOX_PORT: "8080" } }))
 *
 * strictEqual(await Effect.runPromise(Config.Int("SIGNALBOX_LISTEN_PORT").parse(provider)), 8080)
 * ```
 */
export const withShortNames = (provider: ConfigProvider.ConfigProvider): ConfigProvider.ConfigProvider =>
  ConfigProvider.make((path) =>
    path.length === 1 && path[0] === long
      ? Effect.flatMap(provider.load([short]), (node) =>
          node?.value === undefined ? provider.load(path) : Effect.succeed(node),
        )
      : provider.load(path),
  )

/**
 * Provides the short names, and the names of all variables if the provider is the environment of this process.
 *
 * **Example** (Reading a document as the host does)
 *
 * ```ts
 * import { HostConfig } from "@signalbox/server/HostConfig"
 * import { layer } from "@signalbox/server/HostEnvironment"
 * import { Layer } from "effect"
 *
 * Layer.provide(HostConfig.layer, layer)
 * ```
 */
export const layer: Layer.Layer<never> = Layer.effectContext(
  Effect.map(ConfigProvider.ConfigProvider, (provider) => {
    const withShort = Context.make(ConfigProvider.ConfigProvider, withShortNames(provider))
    if (provider !== Context.get(Context.empty(), ConfigProvider.ConfigProvider)) return withShort
    const names = new Set(Object.keys(process.env))
    if (names.has(short)) names.add(long)
    return Context.add(withShort, VariableNames, names)
  }),
)
