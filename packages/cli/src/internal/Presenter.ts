/** Prints what effect/cli has to present: help on standard output when it was requested, and usage errors on standard error. */
import { Effect } from "effect"
import type * as CliOutput from "effect/cli/CliOutput"
import { printOrDie } from "./Print.ts"

export const presenter = (args: ReadonlyArray<string>): CliOutput.Presenter => ({
  present: (event) =>
    event._tag === "Version"
      ? printOrDie(`${event.name} ${event.version}`)
      : Effect.flatMap(
          Effect.promise(() => import("./Presenter/helpAndUsage.ts")),
          ({ present }) => present(args, event),
        ),
})
