/** `--completions SHELL`: prints a completion script. */
import { Effect, Option } from "effect"
import type * as Completions from "effect/cli/Completions"
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
        Effect.flatMap(
          Effect.promise(() => import("./completionScript.ts")),
          ({ completionScript }) => printOrDie(completionScript(command, shell)),
        ),
    }),
})
