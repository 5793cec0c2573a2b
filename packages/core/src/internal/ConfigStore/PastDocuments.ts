/** Documents of the history, found by hash: redacted, and compared with each other. */
import { Effect } from "effect"
import type { Layers } from "../../ConfigDocument.ts"
import { NotKept, Rejected, type SourceUnavailable } from "../../ConfigError.ts"
import type { Stored } from "../../ConfigSource.ts"
import type { Acceptance } from "./Acceptance.ts"
import { layersOf } from "./Layering.ts"
import type { Differences, Past } from "./Results.ts"
import type { Dependencies } from "./State.ts"

export interface PastDocuments {
  readonly past: (hash: string) => Effect.Effect<Past, NotKept | SourceUnavailable>
  readonly differences: (
    from: string,
    to: string | undefined,
  ) => Effect.Effect<Differences, NotKept | Rejected | SourceUnavailable>
}

const minDigits = 6
const maxMatches = 16

export const makePastDocuments = <C>(
  { document, source }: Dependencies<C>,
  acceptance: Acceptance<C>,
): PastDocuments => {
  /** Finds the one in force too, even if the history could not be written. */
  const find = Effect.fnUntraced(function* (wanted: string) {
    const digits = wanted.toLowerCase()
    const inForce = acceptance.inForce.stored
    const listed = digits === inForce.hash ? [] : (yield* source.history.list).map(({ hash }) => hash)
    const matches = [...new Set([inForce.hash, ...listed])].filter((hash) => hash.startsWith(digits))
    const [hash, ...others] = digits.length < minDigits ? [] : matches
    const notKept = (found: ReadonlyArray<string>) =>
      Effect.fail(new NotKept({ hash: wanted.slice(0, 64), matches: found.slice(0, maxMatches) }))
    if (hash === undefined) return yield* notKept([])
    if (others.length > 0) return yield* notKept(matches)
    if (hash === inForce.hash) return inForce
    return (yield* source.history.read(hash)) ?? (yield* notKept([]))
  })

  const load = (stored: Stored, layers: Layers) =>
    Effect.mapError(
      Effect.fromResult(document.load(stored.text, layers)),
      (problems) => new Rejected({ problems, source: `${source.name}@${stored.hash.slice(0, 12)}` }),
    )
  const loadBoth = (before: Stored, after: Stored) => {
    const under = (layers: Layers) => Effect.all([load(before, layers), load(after, layers)])
    // The environment may provide a value that the schema requires.
    return Effect.catch(under({}), () => under(layersOf(acceptance.inForce.layering)))
  }

  return {
    past: (hash) => Effect.map(find(hash), (stored) => ({ hash: stored.hash, text: document.redact(stored.text) })),
    differences: Effect.fnUntraced(function* (from, to) {
      const before = yield* find(from)
      const after = to === undefined ? acceptance.inForce.stored : yield* find(to)
      const changes = document.changes(...(yield* loadBoth(before, after)))
      return { from: before.hash, to: after.hash, changes }
    }),
  }
}
