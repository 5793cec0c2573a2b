/** `config history` and `config diff`. */
import { Effect, Option } from "effect"
import { type Access, type HistoryEntry, withAccess } from "../../ConfigAccess.ts"
import { failed } from "../../Failure.ts"
import { answer } from "../../Print.ts"
import { moment, table } from "../../TextFormat.ts"
import { changeLines } from "./changeReport.ts"

export const history = withAccess("read", (access) =>
  Effect.flatMap(access.history, (entries) =>
    answer({ entries }, (paint) =>
      entries.length === 0
        ? "no document was in force yet"
        : table(
            columns,
            entries.map((entry) => [entry.hash.slice(0, 12), moment(entry.at), String(entry.bytes), standing(entry)]),
            paint.bold,
          ),
    ),
  ),
)

const columns = [{ title: "HASH" }, { title: "SINCE" }, { title: "BYTES", right: true }, { title: "" }]

const standing = ({ current, neverInForce }: HistoryEntry): string =>
  current ? "in force" : neverInForce === undefined ? "" : `never in force: ${neverInForce}`

interface Diff {
  readonly from: Option.Option<string>
  readonly to: Option.Option<string>
}

export const diff = (input: Diff) =>
  withAccess("read", (access) =>
    Effect.gen(function* () {
      const from = Option.isSome(input.from) ? input.from.value : yield* predecessor(access)
      const difference = yield* access.diff(from, Option.getOrUndefined(input.to))
      yield* answer(difference, (paint) =>
        [
          paint.dim(`${difference.from.slice(0, 12)} → ${difference.to.slice(0, 12)}`),
          ...(difference.changes.length === 0 ? ["no effective difference"] : changeLines(difference.changes)),
        ].join("\n"),
      )
    }),
  )

const isOther = (current: string | undefined) => (entry: HistoryEntry) =>
  entry.hash !== current && entry.neverInForce === undefined

/** The document before the one in force. */
const predecessor = Effect.fnUntraced(function* (access: Access) {
  const entries = yield* access.history
  const inForce = entries.findIndex(({ current }) => current)
  const before = entries.slice(inForce + 1).find(isOther(entries[inForce]?.hash))
  if (before !== undefined) return before.hash
  return yield* failed("not-found", "there is no earlier document", "`signalbox config history` lists what there is")
})
