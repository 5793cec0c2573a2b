/**
 * The script that effect/cli generates, with the global flags added to every command because effect/cli leaves them out. Where words depend on the
 * configuration, the script runs `signalbox complete KIND`: effect/cli knows fixed choices only, so a choice with a mark is replaced in its script.
 */
import * as HostEvents from "@signalbox/api/HostEvents"
import type * as Command from "effect/cli/Command"
import * as Completions from "effect/cli/Completions"
import type { CompletedKind } from "./completedKinds.ts"

export const completionScript = (command: Command.Command.Any, shell: Completions.Shell): string =>
  Completions.generate(command.name, shell, withTypes(Completions.fromCommand(command), [])).replaceAll(
    marks[shell],
    (_, kind: string) => calls[shell](`${command.name} complete ${kind} 2>/dev/null`),
  )

const marks = { bash: /'@(\w+)@'/g, zsh: /\(@(\w+)@\)/g, fish: /@(\w+)@/g, powershell: /@(\w+)@/g }

const calls: Readonly<Record<Completions.Shell, (call: string) => string>> = {
  bash: (call) => `$(${call})`,
  zsh: (call) => `{compadd -- $\{(f)"$(${call})"}}`,
  fish: (call) => `(${call})`,
  // Not offered by --completions.
  powershell: (call) => call,
}

const withTypes = (
  command: Completions.CommandDescriptor,
  above: ReadonlyArray<string>,
): Completions.CommandDescriptor => {
  const path = [...above, command.name]
  const [, group = "", name = ""] = path
  const typed = <A extends { readonly name: string; readonly type: Completions.FlagType | Completions.ArgumentType }>(
    parameter: A,
  ): A => ({ ...parameter, type: typeOf(group, name, parameter.name) ?? parameter.type })
  return {
    ...command,
    flags: [...command.flags.map(typed), ...globalFlags],
    arguments: command.arguments.map(typed),
    subcommands: command.subcommands.map((subcommand) => withTypes(subcommand, path)),
  }
}

const words = (kind: CompletedKind): Completions.ArgumentType => ({ _tag: "Choice", values: [`@${kind}@`] })

/** The arguments are declared as strings, because effect's file type accepts no `-` for standard input. */
const file = { _tag: "Path", pathType: "file" } as const

const typeOf = (group: string, command: string, parameter: string): Completions.ArgumentType | undefined => {
  switch (parameter) {
    case "file":
      return file
    case "path":
    case "path value | file":
    case "unset":
      return words("paths")
    case "types":
      return { _tag: "Choice", values: [...HostEvents.registry.types] }
    case "alias":
      return command === "remove" ? words("aliases") : undefined
    case "models":
      return words("aliases")
    case "provider":
      return words("providers")
    case "keys":
      return words("keys")
    case "id":
      if (command === "add") return undefined
      return words(group === "keys" ? "keys" : "providers")
    default:
      return undefined
  }
}

const globalFlags: ReadonlyArray<Completions.FlagDescriptor> = [
  { name: "json", description: "Print JSON", aliases: [], type: { _tag: "Boolean" }, negation: false },
  { name: "config", description: "The document", aliases: [], type: file },
  { name: "host", description: "Use the host at this address", aliases: [], type: { _tag: "String" } },
  { name: "token-file", description: "With --host: a file with the admin token", aliases: [], type: file },
  {
    name: "verbose",
    description: "Explain failures in detail",
    aliases: [],
    type: { _tag: "Boolean" },
    negation: false,
  },
  { name: "help", description: "Show help", aliases: ["h"], type: { _tag: "Boolean" }, negation: false },
]
