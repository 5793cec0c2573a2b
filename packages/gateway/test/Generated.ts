/** Generated cases. A failure prints the seed that replays its case: `GATEWAY_SEED=… npx vitest …`. */

export class Generator {
  #state: number
  constructor(seed: number) {
    this.#state = seed >>> 0
  }
  /** mulberry32: 0 to below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }
  chance(probability: number): boolean {
    return this.next() < probability
  }
  pick<A>(items: ReadonlyArray<A>): A {
    return items[this.below(items.length)]!
  }
  times<A>(atMost: number, make: () => A): Array<A> {
    return Array.from({ length: this.below(atMost + 1) }, make)
  }
}

/** Runs each case and adds the seed to its error. */
export const generated = (cases: number, run: (random: Generator) => void): void => {
  const fixed = process.env["GATEWAY_SEED"]
  const first = fixed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(fixed)
  for (let i = 0; i < (fixed === undefined ? cases : 1); i++) {
    const seed = first + i
    try {
      run(new Generator(seed))
    } catch (cause) {
      throw new Error(`GATEWAY_SEED=${seed} replays this case: ${String(cause)}`, { cause })
    }
  }
}

const strings = [
  "",
  "a",
  "model",
  "usage",
  'q"q',
  "back\\slash\\",
  "line\nend",
  "ünïcödé",
  "😀",
  "\u0000",
  "}",
  "{",
  "]",
  ",",
  ":",
  "x".repeat(200),
  `${"y".repeat(95)}"`,
]

/** JSON text of a random value, in unusual but valid spellings. */
export const jsonText = (random: Generator, depth = 0): string => {
  const kind = random.below(depth > 3 ? 4 : 6)
  switch (kind) {
    case 0:
      return stringText(random, random.pick(strings))
    case 1:
      return random.pick(["0", "-1.5e-7", "12345678901234567890", "1E+2"])
    case 2:
      return random.pick(["true", "false", "null"])
    case 3:
      return random.pick(["[]", "{}", '""'])
    case 4:
      return `[${random.times(4, () => space(random) + jsonText(random, depth + 1)).join(`${space(random)},`)}${space(random)}]`
    default:
      return objectText(
        random,
        random.times(4, () => [random.pick(strings), jsonText(random, depth + 1)] as const),
      )
  }
}

export const objectText = (random: Generator, members: ReadonlyArray<readonly [key: string, value: string]>): string =>
  `{${members
    .map(
      ([key, value]) =>
        `${space(random)}${stringText(random, key)}${space(random)}:${space(random)}${value}${space(random)}`,
    )
    .join(",")}${space(random)}}`

/** Sometimes escapes characters. */
export const stringText = (random: Generator, text: string): string => {
  if (random.chance(0.7)) return JSON.stringify(text)
  let spelled = ""
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    spelled += random.chance(0.3)
      ? `\\u${code.toString(16).padStart(4, "0")}`
      : JSON.stringify(text[i]!.isWellFormed() ? text[i] : "").slice(1, -1) ||
        `\\u${code.toString(16).padStart(4, "0")}`
  }
  return `"${spelled}"`
}

const space = (random: Generator): string => (random.chance(0.8) ? "" : random.pick([" ", "\t", "  ", " \t "]))
