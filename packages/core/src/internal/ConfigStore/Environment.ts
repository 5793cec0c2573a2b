/**
 * The environment as one reload found it: each variable is read once, through the ConfigProvider, when a document first asks for it. Reading
 * is an Effect and loading a document is a pure function, so a load that asks for a variable that is set runs again with its value.
 */
import { type ConfigProvider, Context, Effect, Exit } from "effect"
import type { Problem } from "../../ConfigError.ts"

// Names come from the schema and from the keys of records. More of them mean that a record keeps changing its keys.
const maxNames = 65_536

/**
 * The names of all variables that the `ConfigProvider` has, if the host knows them.
 *
 * **When to use**
 *
 * Provide it if the provider is the environment of the process. A document of 10,000 models has names for 50,000 variables; with this set, only
 * variables that exist are looked up. Default: unknown, and every name is looked up.
 */
export const VariableNames: Context.Reference<ReadonlySet<string> | undefined> = Context.Reference(
  "@signalbox/core/ConfigStore/VariableNames",
  { defaultValue: (): ReadonlySet<string> | undefined => undefined },
)

export interface Environment {
  readonly lookup: (name: string) => string | undefined
  /** Whether a variable may exist whose name starts with this prefix. */
  readonly mayHave: (prefix: string) => boolean
  /** Reads the variables that `lookup` was asked for and did not know. Returns whether any of them is set. */
  readonly learn: Effect.Effect<boolean, ReadonlyArray<Problem>>
}

export const makeEnvironment = (
  provider: ConfigProvider.ConfigProvider,
  names: ReadonlySet<string> | undefined,
): Environment => {
  const known = new Map<string, string | undefined>()
  const asked = new Set<string>()
  return {
    mayHave: (prefix) => names === undefined || Array.from(names).some((name) => name.startsWith(prefix)),
    lookup: (name) => {
      if (names !== undefined && !names.has(name)) return undefined
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
