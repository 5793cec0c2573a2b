/**
 * Measures ratios on a shared machine. The cases take turns in each round, so a slow moment affects all of them, and the best round of each
 * case counts. Absolute times are never printed.
 */

/** Runs one round of a case and returns its number of operations. */
export type Case = () => number | Promise<number>

/** Returns the nanoseconds per operation of each case: the best of `rounds` interleaved rounds after a warm-up round. */
export const interleave = async <const K extends string>(
  cases: Readonly<Record<K, Case>>,
  rounds = 7,
): Promise<Record<K, number>> => {
  const names = Object.keys(cases) as Array<K>
  const best = Object.fromEntries(names.map((name) => [name, Number.POSITIVE_INFINITY])) as Record<K, number>
  for (let round = -1; round < rounds; round++) {
    for (const name of names) {
      globalThis.gc?.()
      const start = process.hrtime.bigint()
      const operations = await cases[name]()
      const each = Number(process.hrtime.bigint() - start) / operations
      if (round >= 0) best[name] = Math.min(best[name], each)
    }
  }
  return best
}

export interface Row {
  readonly name: string
  readonly ratio: number
  /** `["≥", 5]`: the ratio must be at least 5. */
  readonly target?: readonly ["≥" | "≤", number]
}

/** Prints a table of ratios. A missed target sets the exit code 1. */
export const report = (title: string, rows: ReadonlyArray<Row>): void => {
  const width = Math.max(...rows.map((row) => row.name.length))
  const lines = rows.map((row) => {
    const value = row.ratio.toPrecision(3).padStart(9)
    if (row.target === undefined) return `  ${row.name.padEnd(width)} ${value} ×`
    const [sign, bound] = row.target
    const met = sign === "≥" ? row.ratio >= bound : row.ratio <= bound
    if (!met) process.exitCode = 1
    return `  ${row.name.padEnd(width)} ${value} ×   target ${sign} ${bound}   ${met ? "met" : "MISSED"}`
  })
  process.stdout.write(`${title}\n${lines.join("\n")}\n\n`)
}
