/** Events, warnings and redacted changes, built from what the store knows. All of them are bounded and hold no secret. */
import { Effect } from "effect"
import type { Change, ConfigDocument, Difference, Loaded } from "../../ConfigDocument.ts"
import { format, type Problem } from "../../ConfigError.ts"
import { ConfigChanged, ConfigMigrated, ConfigRejected, maxPlaces, type Origin } from "../../ConfigEvents.ts"
import type { ConfigSource } from "../../ConfigSource.ts"
import { holdsMarker } from "../RedactionMarker.ts"
import type { Snapshot } from "./Results.ts"

export const changedEvent = (
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

export const migratedEvents = ({ migrated }: Loaded<unknown>): ReadonlyArray<ConfigMigrated> =>
  migrated === undefined ? [] : [new ConfigMigrated({ from: migrated.from, to: migrated.to })]

export const rejectedEvent = (
  origin: Origin,
  hash: string | undefined,
  problems: ReadonlyArray<Problem>,
): ConfigRejected =>
  new ConfigRejected({
    ...(hash === undefined ? {} : { hash }),
    origin,
    problems: problems.slice(0, maxPlaces),
    truncated: problems.length > maxPlaces,
  })

/** Logs the warnings that the configuration before did not have. */
export const logNewWarnings = (
  { name }: ConfigSource["Service"],
  before: ReadonlyArray<Problem>,
  { warnings }: Loaded<unknown>,
): Effect.Effect<void> => {
  const known = new Set(before.map((problem) => format(name, problem)))
  const added = warnings.map((problem) => format(name, problem)).filter((line) => !known.has(line))
  return Effect.forEach(added, (line) => Effect.logWarning(line), { discard: true })
}

export const isEffective = ({ paths }: Difference): boolean => paths.length > 0

/** Whether a secret of the document before was removed or replaced: `changes`, which must be complete, show it unless a higher layer hides it. */
export const rotatesSecret = <C>(
  document: ConfigDocument<C>,
  changes: ReadonlyArray<Change>,
  before: Loaded<C>,
  after: Loaded<C>,
): boolean =>
  changes.some((change) => holdsMarker(change.before)) ||
  (before.hidden && document.redactRotated(before.text, after.text) !== before.text)
