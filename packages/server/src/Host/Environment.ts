/** The environment as a host reads it: `SIGNALBOX_PORT` is short for `SIGNALBOX_LISTEN_PORT`, and stands above it. */
import { ConfigProvider, Effect } from "effect"

const short = "SIGNALBOX_PORT"
const long = "SIGNALBOX_LISTEN_PORT"

export const withShortNames = (provider: ConfigProvider.ConfigProvider): ConfigProvider.ConfigProvider =>
  ConfigProvider.make((path) =>
    path.length === 1 && path[0] === long
      ? Effect.flatMap(provider.load([short]), (node) =>
          node?.value === undefined ? provider.load(path) : Effect.succeed(node),
        )
      : provider.load(path),
  )
