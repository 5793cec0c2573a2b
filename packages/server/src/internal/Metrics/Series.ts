/** Bounds the number of series: Prometheus keeps a series for weeks for every combination of label values. */

/** The value of every label beyond the bound. */
export const other = "(other)"

const maxLength = 128

/** Creates one `A` for each combination of labels, and one for all combinations beyond the first `max`. They live as long as the process. */
export class Series<Label extends string, A> {
  readonly #made = new Map<string, A>()
  readonly #max: number
  readonly #make: (labels: Readonly<Record<Label, string>>) => A
  #others: A | undefined

  constructor(max: number, make: (labels: Readonly<Record<Label, string>>) => A) {
    this.#max = max
    this.#make = make
  }

  of(labels: Readonly<Record<Label, string>>): A {
    const id = JSON.stringify(labels)
    let found = this.#made.get(id)
    if (found === undefined) {
      if (this.#made.size >= this.#max) {
        this.#others ??= this.#make(mapped(labels, () => other))
        return this.#others
      }
      found = this.#make(mapped(labels, (value) => value.slice(0, maxLength).toWellFormed()))
      this.#made.set(id, found)
    }
    return found
  }
}

const mapped = <Label extends string>(
  labels: Readonly<Record<Label, string>>,
  f: (value: string) => string,
): Readonly<Record<Label, string>> =>
  Object.fromEntries(Object.entries<string>(labels).map(([label, value]) => [label, f(value)])) as Record<Label, string>
