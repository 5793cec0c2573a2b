/** The flags that every command takes, anywhere on the command line. */
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"

/** Print one JSON document on standard output, and problems as JSON on standard error. */
export const Json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withoutNegation,
    Flag.withDescription("Print JSON: one document; for events one object per line"),
    Flag.withDefault(false),
  ),
})

/** The document to work on, and with it the host that serves this document. */
export const ConfigFile = GlobalFlag.Setting("config")({
  flag: Flag.String("config").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("The document (default: $SIGNALBOX_CONFIG, else config.json in $XDG_DATA_HOME/signalbox)"),
    Flag.optional,
  ),
})

/** Print stack traces. `SIGNALBOX_DEBUG` does the same. */
export const Verbose = GlobalFlag.Setting("verbose")({
  flag: Flag.Boolean("verbose").pipe(
    Flag.withoutNegation,
    Flag.withDescription("Explain failures in detail"),
    Flag.withDefault(false),
  ),
})
