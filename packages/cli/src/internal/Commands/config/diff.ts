/** `config diff`. */
import { Effect, Option } from "effect"
import type { ConfigAccess, HistoryEntry } from "../../ConfigAccess.ts"
import { failed } from "../../Failure.ts"
import { printResult } from "../../Print.ts"
import { withConfig } from "../../withConfig.ts"
import { changeLines } from "./changeReport.ts"

interface Input {
  readonly from: Option.Option<string>
  readonly to: Option.Option<string>
}

export const diff = (input: Input) =>
  withConfig("read", (access) =>
    Effect.gen(function* () {
      const from = Option.isSome(input.from) ? input.from.value : yield* previousDocument(access)
      const difference = yield* access.diff(from, Option.getOrUndefined(input.to))
      yield* printResult(difference, (colors) =>
        [
          colors.dim(`${difference.from.slice(0, 12)} → ${difference.to.slice(0, 12)}`),
          ...(difference.changes.length === 0 ? ["no effective difference"] : changeLines(difference.changes)),
        ].join("\n"),
      )
    }),
  )

/** The document that was in force before the present one. */
const previousDocument = Effect.fnUntraced(function* (access: ConfigAccess) {
  const entries = yield* access.history
  const current = entries.findIndex(({ current }) => current)
  const previous = entries.slice(current + 1).find(wasInForceBefore(entries[current]?.hash))
  if (previous !== undefined) return previous.hash
  return yield* failed("not-found", "there is no earlier document", "`signalbox config history` lists all documents")
})

const wasInForceBefore = (currentHash: string | undefined) => (entry: HistoryEntry) =>
  entry.hash !== currentHash && entry.neverInForce === undefined
