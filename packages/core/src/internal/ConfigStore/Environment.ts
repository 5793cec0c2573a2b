/**
 * The environment as one reload found it: each variable is read once, through the ConfigProvider, when a document first asks for it. Reading
 * is an Effect and loading a document is a pure function, so a load that asks for a variable that is set runs again with its value.
 */
import { type ConfigProvider, Effect, Exit } from "effect"
import type { Problem } from "../../ConfigError.ts"

// Names come from the schema and from the keys of records. More of them mean that a record keeps changing its keys.
const maxNames = 65_536

export interface Environment {
  readonly lookup: (name: string) => string | undefined
  /** Reads the variables that `lookup` was asked for and did not know. Returns whether any of them is set. */
  readonly learn: Effect.Effect<boolean, ReadonlyArray<Problem>>
}

export const makeEnvironment = (provider: ConfigProvider.ConfigProvider): Environment => {
  const known = new Map<string, string | undefined>()
  const asked = new Set<string>()
  return {
    lookup: (name) => {
      const value = known.get(name)
      if (value === undefined && !known.has(name)) asked.add(name)
      return value
    },
    learn: Effect.gen(function* () {
      if (asked.size === 0) return false
      if (known.size + asked.size > maxNames) forgetUnset(known)
      let found = false
      for (const name of asked) {
        const loading = provider.load([name])
        // Providers that need not wait return an Exit, which is read here for a fraction of the cost: there may be 50,000 names.
        const node =
          Exit.isExit(loading) && loading._tag === "Success"
            ? (loading.value as ConfigProvider.Node | undefined)
            : yield* Effect.mapError(loading, () => [unreadable(name)])
        known.set(name, node?.value)
        found ||= node?.value !== undefined
      }
      asked.clear()
      return found
    }),
  }
}

/** Variables that are set stay, and the environment bounds them: a load that lost one while it learns another would never end. */
const forgetUnset = (known: Map<string, string | undefined>): void => {
  for (const [name, value] of known) if (value === undefined) known.delete(name)
}

const unreadable = (name: string): Problem => ({
  by: "source",
  path: "",
  message: `environment variable ${name} cannot be read: check the ConfigProvider, or reload without the environment`,
})
