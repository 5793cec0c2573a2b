/**
 * `--completions SHELL`: effect/cli's script with the flags that every command takes, which it leaves out. Only what a shell can know without
 * running this program.
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
        printOrDie(Completions.generate(command.name, shell, everywhere(Completions.fromCommand(command)))),
    }),
})

const everywhere = (command: Completions.CommandDescriptor): Completions.CommandDescriptor => ({
  ...command,
  flags: [...command.flags, ...globals],
  arguments: command.arguments.map((argument) => (argument.name === "file" ? { ...argument, type: file } : argument)),
  subcommands: command.subcommands.map(everywhere),
})

/** Not by effect's own type, which takes `-` for a file. */
const file = { _tag: "Path", pathType: "file" } as const

const globals: ReadonlyArray<Completions.FlagDescriptor> = [
  { name: "json", description: "Print JSON", aliases: [], type: { _tag: "Boolean" }, negation: false },
  { name: "config", description: "The document", aliases: [], type: file },
  { name: "verbose", description: "Say more about failures", aliases: [], type: { _tag: "Boolean" }, negation: false },
  { name: "help", description: "Show help", aliases: ["h"], type: { _tag: "Boolean" }, negation: false },
]
