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
import { CompletionsFlag } from "./internal/Completions.ts"
import { config, reload } from "./internal/ConfigCommands.ts"
import { presenter } from "./internal/Ending.ts"
import { ConfigPath, Json, Verbose } from "./internal/Globals.ts"
import { commands } from "./internal/HostCommands.ts"
import { runMain } from "./internal/Main.ts"
import * as Platform from "./internal/Platform.ts"
import { warnings } from "./internal/Warnings.ts"

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
