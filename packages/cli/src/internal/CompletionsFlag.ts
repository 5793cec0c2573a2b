/**
 * `--completions SHELL`: the script that effect/cli generates, with the global flags added to every command because effect/cli leaves them out.
 * The script completes only what it can know without running this program.
 */
import { Effect, Option } from "effect"
import * as Completions from "effect/cli/Completions"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import { printOrDie } from "./Print.ts"

const shells = ["bash", "zsh", "fish"] as const

export const CompletionsFlag = GlobalFlag.Action<Option.Option<Completions.Shell>>({
  flag: Flag.Literals("completions", shells).pipe(
    Flag.optional,
    Flag.withMetavar("SHELL"),
    Flag.withDescription("Print a completion script for bash, zsh or fish"),
  ),
  run: (shell, { command }) =>
    Option.match(shell, {
      onNone: () => Effect.void,
      onSome: (shell) =>
        printOrDie(Completions.generate(command.name, shell, withGlobalFlags(Completions.fromCommand(command)))),
    }),
})

const withGlobalFlags = (command: Completions.CommandDescriptor): Completions.CommandDescriptor => ({
  ...command,
  flags: [...command.flags, ...globalFlags],
  arguments: command.arguments.map((argument) => (argument.name === "file" ? { ...argument, type: file } : argument)),
  subcommands: command.subcommands.map(withGlobalFlags),
})

/** The arguments are declared as strings, because effect's file type accepts no `-` for standard input. */
const file = { _tag: "Path", pathType: "file" } as const

const globalFlags: ReadonlyArray<Completions.FlagDescriptor> = [
  { name: "json", description: "Print JSON", aliases: [], type: { _tag: "Boolean" }, negation: false },
  { name: "config", description: "The document", aliases: [], type: file },
  {
    name: "verbose",
    description: "Explain failures in detail",
    aliases: [],
    type: { _tag: "Boolean" },
    negation: false,
  },
  { name: "help", description: "Show help", aliases: ["h"], type: { _tag: "Boolean" }, negation: false },
]
