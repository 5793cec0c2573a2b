/**
 * The `signalbox` command: its tree, and how an invocation ends. What a command does is loaded when it runs, so that a small one does not
 * wait for what a host needs.
 */
import { version } from "@signalbox/api/Version"
import { Effect, Layer, Logger } from "effect"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Platform from "./internal/CliPlatform.ts"
import { config, reload } from "./internal/Commands/config.ts"
import { commands } from "./internal/Commands.ts"
import { CompletionsFlag } from "./internal/Completions.ts"
import { ConfigPath, Json, Verbose } from "./internal/GlobalFlags.ts"
import { presenter } from "./internal/reportFailure.ts"
import { runMain } from "./internal/runMain.ts"
import { warnings } from "./internal/WarningLogger.ts"

const signalbox = Command.make("signalbox").pipe(
  Command.withDescription("A local gateway to language models whose configuration changes while it runs."),
  Command.withSubcommands([...commands, config, reload]),
  Command.withGlobalFlags([Json, ConfigPath, Verbose]),
)

export const run = (args: ReadonlyArray<string>): void =>
  runMain(
    args,
    Command.runWith(signalbox, { version })(args).pipe(
      Effect.provide(
        Layer.mergeAll(
          Platform.layer,
          CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, CompletionsFlag] }),
          CliOutput.layerPresenter(presenter(args)),
          Logger.layer([warnings(args)]),
        ),
      ),
    ),
  )
