/** The short names of environment variables: `SIGNALBOX_PORT` means `SIGNALBOX_LISTEN_PORT` and takes precedence over it. */
import { ConfigProvider, Effect } from "effect"

const short = "SIGNALBOX_PORT"
const long = "SIGNALBOX_LISTEN_PORT"

/** Replaces the long name of a variable in a message by the short name, if the short one is set. */
export const useShortNames = (sentence: string, environment: Readonly<Record<string, string | undefined>>): string =>
  environment[short] === undefined ? sentence : sentence.replaceAll(long, short)

/** Reads the short names first. */
export const withShortNames = (provider: ConfigProvider.ConfigProvider): ConfigProvider.ConfigProvider =>
  ConfigProvider.make((path) =>
    path.length === 1 && path[0] === long
      ? Effect.flatMap(provider.load([short]), (node) =>
          node?.value === undefined ? provider.load(path) : Effect.succeed(node),
        )
      : provider.load(path),
  )
