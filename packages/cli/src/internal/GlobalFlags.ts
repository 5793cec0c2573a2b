/** The flags that every command takes, wherever they stand. */
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"

/** One JSON document on standard output instead of text for people; problems as JSON on standard error. */
export const Json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withoutNegation,
    Flag.withDescription("Print JSON: one document, for events one a line"),
    Flag.withDefault(false),
  ),
})

/** The document, and with it the host that serves it. */
export const ConfigPath = GlobalFlag.Setting("config")({
  flag: Flag.String("config").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("The document (default: $SIGNALBOX_CONFIG, else config.json in $XDG_DATA_HOME/signalbox)"),
    Flag.optional,
  ),
})

/** Stack traces, for who looks for a bug. `SIGNALBOX_DEBUG` does the same. */
export const Verbose = GlobalFlag.Setting("verbose")({
  flag: Flag.Boolean("verbose").pipe(
    Flag.withoutNegation,
    Flag.withDescription("Say more about failures"),
    Flag.withDefault(false),
  ),
})

/** What a handler may ask for. */
export type Globals =
  | GlobalFlag.Setting.Identifier<"json">
  | GlobalFlag.Setting.Identifier<"config">
  | GlobalFlag.Setting.Identifier<"verbose">
