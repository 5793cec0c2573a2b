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

/** A host elsewhere. The files of this machine do not matter then. */
export const HostUrl = GlobalFlag.Setting("host")({
  flag: Flag.String("host").pipe(
    Flag.withMetavar("URL"),
    Flag.withDescription("Use the host at this address, with the admin token in $SIGNALBOX_TOKEN or --token-file"),
    Flag.optional,
  ),
})

export const TokenFile = GlobalFlag.Setting("token-file")({
  flag: Flag.String("token-file").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("With --host: a file with the admin token (- is standard input)"),
    Flag.optional,
  ),
})

/** The flags that select a document or a host. */
export type TargetFlags =
  | typeof ConfigFile.Identifier
  | typeof HostUrl.Identifier
  | typeof TokenFile.Identifier
  | typeof Json.Identifier

/** Print stack traces. `SIGNALBOX_DEBUG` does the same. */
export const Verbose = GlobalFlag.Setting("verbose")({
  flag: Flag.Boolean("verbose").pipe(
    Flag.withoutNegation,
    Flag.withDescription("Explain failures in detail"),
    Flag.withDefault(false),
  ),
})
