/** What the store says, made from what it knows: events, warnings, changes for people. All of it bounded, none of it with a secret. */
import { Effect } from "effect"
import { type Change, ConfigDocument, type Difference, type Loaded } from "../../ConfigDocument.ts"
import { format, type Problem } from "../../ConfigError.ts"
import { ConfigChanged, ConfigMigrated, ConfigRejected, maxPlaces, type Origin } from "../../ConfigEvents.ts"
import type { ConfigSource } from "../../ConfigSource.ts"
import type { Snapshot } from "../../ConfigStore.ts"
import type { Refused } from "./Acceptance.ts"

export const changed = (
  { paths, restartRequired, truncated }: Difference,
  before: { readonly hash: string },
  { hash, revision }: Snapshot<unknown>,
  origin: Origin,
): ConfigChanged =>
  new ConfigChanged({
    revision,
    hash,
    previousHash: before.hash,
    origin,
    paths: paths.slice(0, maxPlaces),
    truncated: truncated || paths.length > maxPlaces,
    restartRequired: restartRequired.slice(0, maxPlaces),
  })

export const migrated = ({ migrated }: Loaded<unknown>): ReadonlyArray<ConfigMigrated> =>
  migrated === undefined ? [] : [new ConfigMigrated({ from: migrated.from, to: migrated.to })]

export const rejection = (origin: Origin, hash: string | undefined, problems: ReadonlyArray<Problem>): ConfigRejected =>
  new ConfigRejected({
    ...(hash === undefined ? {} : { hash }),
    origin,
    problems: problems.slice(0, maxPlaces),
    truncated: problems.length > maxPlaces,
  })

/** The same document with the same problems. */
export const fingerprint = ({ hash, problems }: Refused): string => JSON.stringify([hash, problems.slice(0, maxPlaces)])

/** Those that were not said before. */
export const logWarnings = (
  { name }: ConfigSource["Service"],
  before: ReadonlyArray<Problem>,
  { warnings }: Loaded<unknown>,
): Effect.Effect<void> => {
  const known = new Set(before.map((problem) => format(name, problem)))
  const news = warnings.map((problem) => format(name, problem)).filter((line) => !known.has(line))
  return Effect.forEach(news, (line) => Effect.logWarning(line), { discard: true })
}

export const isEffective = ({ paths }: Difference): boolean => paths.length > 0

/** Whether a secret of before is gone: it shows in the changes, unless a layer above hides it. */
export const isRotation = <C>(
  document: ConfigDocument<C>,
  { truncated }: Difference,
  changes: ReadonlyArray<Change>,
  before: Loaded<C>,
  after: Loaded<C>,
): boolean =>
  truncated ||
  changes.some((change) => ConfigDocument.holdsMarker(change.before)) ||
  (before.hidden && document.redactRotated(before.text, after.text) !== before.text)
