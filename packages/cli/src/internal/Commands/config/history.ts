/** `config history`. */
import { Effect } from "effect"
import type { HistoryEntry } from "../../ConfigAccess.ts"
import { printResult } from "../../Print.ts"
import { formatTime, table } from "../../TextFormat.ts"
import { withConfig } from "../../withConfig.ts"

export const history = withConfig("read", (access) =>
  Effect.flatMap(access.history, (entries) =>
    printResult({ entries }, (colors) =>
      entries.length === 0
        ? "no document was in force yet"
        : table(
            columns,
            entries.map((entry) => [
              entry.hash.slice(0, 12),
              formatTime(entry.at),
              String(entry.bytes),
              stateOf(entry),
            ]),
            colors.bold,
          ),
    ),
  ),
)

const columns = [{ title: "HASH" }, { title: "SINCE" }, { title: "BYTES", right: true }, { title: "" }]

const stateOf = ({ current, neverInForce }: HistoryEntry): string =>
  current ? "in force" : neverInForce === undefined ? "" : `never in force: ${neverInForce}`
