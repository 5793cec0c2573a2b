/** The `signalbox` command. Each command's own code is loaded when it runs, so that a small command does not wait for the code of the host. */
import { version } from "@signalbox/api/Version"
import { Effect, Layer, Logger } from "effect"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as CliPlatform from "./internal/CliPlatform.ts"
import { commands } from "./internal/Commands.ts"
import { CompletionsFlag } from "./internal/CompletionsFlag.ts"
import { ConfigFile, Json, Verbose } from "./internal/GlobalFlags.ts"
import { presenter } from "./internal/Presenter.ts"
import { runMain } from "./internal/runMain.ts"
import { warningLogger } from "./internal/WarningLogger.ts"

const signalbox = Command.make("signalbox").pipe(
  Command.withDescription("A local LLM gateway whose configuration changes while it runs."),
  Command.withSubcommands(commands),
  Command.withGlobalFlags([Json, ConfigFile, Verbose]),
)

/**
 * Runs the `signalbox` command with the given arguments and ends the process with its exit code.
 *
 * **When to use**
 *
 * Use in the entry point of a program that ships the command under its own name. The package's own entry point is the `signalbox` binary.
 *
 * **Details**
 *
 * `args` are the words after the program's name, as in `process.argv.slice(2)`. SIGINT and SIGTERM interrupt the command; a second one ends the
 * process at once. Exit codes are listed in the package's README.
 *
 * **Gotchas**
 *
 * The function returns before the command has ended, and the command ends the whole process: do not run anything after it.
 */
export const run = (args: ReadonlyArray<string>): void =>
  runMain(
    args,
    Command.runWith(signalbox, { version })(args).pipe(
      Effect.provide(
        Layer.mergeAll(
          CliPlatform.layer,
          CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, CompletionsFlag] }),
          CliOutput.layerPresenter(presenter(args)),
          Logger.layer([warningLogger(args)]),
        ),
      ),
    ),
  )
