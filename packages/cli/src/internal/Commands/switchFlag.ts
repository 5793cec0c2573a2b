/** A flag that is either there or not, without a `--no-` form. */
import * as Flag from "effect/cli/Flag"

export const switchFlag = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withoutNegation, Flag.withDescription(description), Flag.withDefault(false))
