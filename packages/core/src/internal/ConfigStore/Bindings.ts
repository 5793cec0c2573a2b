/** The settings that take their values from one store, all in the same change as the snapshot. */
import { Cause, Result } from "effect"
import type { Problem } from "../../ConfigError.ts"
import { failureMessage } from "../FailureMessage.ts"
import { share } from "../StructuralSharing.ts"

export interface Binding<in C> {
  readonly key: string
  readonly select: (config: C) => unknown
}

/** The value of each setting in `config`. Parts that equal the value in force keep its identity. */
export const settingValues = <C>(
  bindings: Iterable<Binding<C>>,
  config: C,
  current: ReadonlyMap<string, unknown>,
): Result.Result<ReadonlyMap<string, unknown>, ReadonlyArray<Problem>> => {
  const values = new Map<string, unknown>()
  const problems: Array<Problem> = []
  for (const { key, select } of bindings) {
    try {
      const value = select(config)
      values.set(key, share(current.get(key), value, { anyOrder: true }))
    } catch (thrown) {
      const reason = failureMessage(Cause.die(thrown), [config])
      problems.push({ by: key, path: "", message: `the setting cannot be taken from this configuration: ${reason}` })
    }
  }
  return problems.length > 0 ? Result.fail(problems) : Result.succeed(values)
}
