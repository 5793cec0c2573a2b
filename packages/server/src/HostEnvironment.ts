/** The environment as a host reads it: `SIGNALBOX_PORT` is short for `SIGNALBOX_LISTEN_PORT`, and stands above it. */
import { ConfigProvider, Effect } from "effect"

const short = "SIGNALBOX_PORT"
const long = "SIGNALBOX_LISTEN_PORT"

/** A sentence about a variable, with the name of it that is set. */
export const inShortNames = (sentence: string, environment: Readonly<Record<string, string | undefined>>): string =>
  environment[short] === undefined ? sentence : sentence.replaceAll(long, short)

export const withShortNames = (provider: ConfigProvider.ConfigProvider): ConfigProvider.ConfigProvider =>
  ConfigProvider.make((path) =>
    path.length === 1 && path[0] === long
      ? Effect.flatMap(provider.load([short]), (node) =>
          node?.value === undefined ? provider.load(path) : Effect.succeed(node),
        )
      : provider.load(path),
  )
