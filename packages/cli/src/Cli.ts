/** The `signalbox` command. Each command's own code is loaded when it runs, so that a small command does not wait for the code of the host. */
import { version } from "@signalbox/api/Version"
import { Effect, Layer, Logger } from "effect"
import * as Argument from "effect/cli/Argument"
import * as CliConfig from "effect/cli/CliConfig"
import type * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import { damagedArgument } from "./internal/Arguments.ts"
import * as CliPlatform from "./internal/CliPlatform.ts"
import { commands } from "./internal/Commands.ts"
import { CompletionsFlag } from "./internal/CompletionsFlag.ts"
import { type Failure, usage } from "./internal/Failure.ts"
import { ConfigFile, HostUrl, Json, TokenFile, Verbose } from "./internal/GlobalFlags.ts"
import { presenter } from "./internal/Presenter.ts"
import { runMain } from "./internal/runMain.ts"
import { warningLogger } from "./internal/WarningLogger.ts"

const help = Command.make(
  "help",
  { command: Argument.String("command").pipe(Argument.withDescription("The command to explain"), Argument.variadic()) },
  ({ command }) => explain(command),
).pipe(Command.withDescription("Explain a command, such as `signalbox help config set`"))

/** Its type is written out because it refers to the command that it is a part of. */
const explain = (words: ReadonlyArray<string>): Effect.Effect<void, Failure | CliError.CliError, Command.Environment> =>
  Effect.flatMap(
    Effect.promise(() => import("./internal/requireCommand.ts")),
    ({ requireCommand }) => Effect.andThen(requireCommand(commands, words), runWords([...words, "--help"])),
  )

const signalbox = Command.make("signalbox").pipe(
  Command.withDescription("A local LLM gateway whose configuration changes while it runs."),
  Command.withSubcommands([...commands, help]),
  Command.withGlobalFlags([Json, ConfigFile, HostUrl, TokenFile, Verbose]),
)

const runWords = Command.runWith(signalbox, { version })

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
    Effect.andThen(requireUtf8(args), runWords(args)).pipe(
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

/** The value may be a secret, so the message names only its place. */
const requireUtf8 = (args: ReadonlyArray<string>) => {
  const damaged = damagedArgument(args)
  return damaged === undefined
    ? Effect.void
    : Effect.fail(
        usage(
          `argument ${damaged + 1} is not UTF-8; nothing was changed`,
          "write it as UTF-8, or pass a value by standard input with -",
        ),
      )
}
