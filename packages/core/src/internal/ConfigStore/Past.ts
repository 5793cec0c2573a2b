/** Documents of the history, by their hashes: shown, and compared with each other. */
import { Effect } from "effect"
import type { Layers } from "../../ConfigDocument.ts"
import { NotKept, Rejected, type SourceUnavailable } from "../../ConfigError.ts"
import type { Stored } from "../../ConfigSource.ts"
import type { Differences, Past } from "../../ConfigStore.ts"
import type { Acceptance, Surroundings } from "./Acceptance.ts"
import { layersOf } from "./Layering.ts"

export interface Pasts {
  readonly past: (hash: string) => Effect.Effect<Past, NotKept | SourceUnavailable>
  readonly differences: (
    from: string,
    to: string | undefined,
  ) => Effect.Effect<Differences, NotKept | Rejected | SourceUnavailable>
}

const minDigits = 6
const maxMatches = 16

export const makePasts = <C>({ document, source }: Surroundings<C>, acceptance: Acceptance<C>): Pasts => {
  /** The one in force counts too, whether or not the history could be written. */
  const find = Effect.fnUntraced(function* (wanted: string) {
    const digits = wanted.toLowerCase()
    const inForce = acceptance.state.stored
    const listed = digits === inForce.hash ? [] : (yield* source.history.list).map(({ hash }) => hash)
    const matches = [...new Set([inForce.hash, ...listed])].filter((hash) => hash.startsWith(digits))
    const [hash, ...others] = digits.length < minDigits ? [] : matches
    const missing = (found: ReadonlyArray<string>) =>
      Effect.fail(new NotKept({ hash: wanted.slice(0, 64), matches: found.slice(0, maxMatches) }))
    if (hash === undefined) return yield* missing([])
    if (others.length > 0) return yield* missing(matches)
    if (hash === inForce.hash) return inForce
    return (yield* source.history.read(hash)) ?? (yield* missing([]))
  })

  const load = (stored: Stored, layers: Layers) =>
    Effect.mapError(
      Effect.fromResult(document.load(stored.text, layers)),
      (problems) => new Rejected({ problems, source: `${source.name}@${stored.hash.slice(0, 12)}` }),
    )
  const loadBoth = (before: Stored, after: Stored) => {
    const under = (layers: Layers) => Effect.all([load(before, layers), load(after, layers)])
    // A document may leave to the environment what it must have.
    return Effect.catch(under({}), () => under(layersOf(acceptance.state.layering)))
  }

  return {
    past: (hash) => Effect.map(find(hash), (stored) => ({ hash: stored.hash, text: document.redact(stored.text) })),
    differences: Effect.fnUntraced(function* (from, to) {
      const before = yield* find(from)
      const after = to === undefined ? acceptance.state.stored : yield* find(to)
      const changes = document.changes(...(yield* loadBoth(before, after)))
      return { from: before.hash, to: after.hash, changes }
    }),
  }
}
