/** Text that may leave the process although it was made near secrets: whatever a `Redacted` value holds is replaced, however text usually spells it. */
import { Option, Redacted } from "effect"
import * as Base64 from "effect/encoding/Base64"

// Deeper than any configuration; a value that refers to itself must end too.
const maxDepth = 32

const marker = "<redacted>"

/** The function that hides these secrets in a text. Hide before cutting: half a secret is one too. */
export const concealer = (secrets: ReadonlySet<string>): ((text: string) => string) => {
  if (secrets.size === 0) return (text) => text
  const inBase64 = [...secrets].flatMap(base64Within)
  // Longest first: a secret may hold another.
  const spellings = [...secrets].flatMap(spellingsOf).sort((left, right) => right.length - left.length)
  const tellsInBase64 = (word: string): boolean => {
    const letters = percentDecoded(word).replaceAll("-", "+").replaceAll("_", "/")
    return inBase64.some((spelling) => letters.includes(spelling))
  }
  const tells = (...decoded: ReadonlyArray<string>): boolean =>
    [...secrets].some((secret) => decoded.some((spelling) => spelling.includes(secret)))
  const tellsInUrl = (word: string): boolean =>
    /[%+]/.test(word) && tells(percentDecoded(word), percentDecoded(word.replaceAll("+", " ")))
  // PHP escapes each slash, Go `&`, `<` and `>`, and a program may escape every letter.
  const tellsInJson = (word: string): boolean => word.includes("\\") && tells(jsonDecoded(word))
  return (text) => {
    let concealed = text.replaceAll(/[\w+/=%-]+/g, (word) => (tellsInBase64(word) ? marker : word))
    for (const spelling of spellings) concealed = concealed.replaceAll(spelling, marker)
    concealed = concealed.replaceAll(/[^\s"<>]+/g, (word) => (tellsInUrl(word) ? marker : word))
    return concealed.includes("\\")
      ? concealed.replaceAll(/[^\s"]+/g, (word) => (tellsInJson(word) ? marker : word))
      : concealed
  }
}

/** The strings within the `Redacted` values of settings, and the numbers as they are written. */
export const secretsIn = (settings: Iterable<unknown>): ReadonlySet<string> => {
  const secrets = new Set<string>()
  const seen = new Set<object>()
  const add = (value: unknown, depth: number): void => {
    if (typeof value === "string" && value !== "") secrets.add(value)
    else if (typeof value === "number" || typeof value === "bigint") secrets.add(String(value))
    else visit(value, depth, add)
  }
  const find = (value: unknown, depth: number): void => {
    // A wiped one has nothing left to say.
    if (Redacted.isRedacted(value)) add(Option.getOrUndefined(unwrap(value)), depth)
    else visit(value, depth, find)
  }
  const visit = (value: unknown, depth: number, next: (value: unknown, depth: number) => void): void => {
    if (typeof value !== "object" || value === null || seen.has(value) || depth > maxDepth) return
    seen.add(value)
    const items = value instanceof Map || value instanceof Set ? value : Object.values(value)
    for (const item of items) next(item, depth + 1)
  }
  for (const setting of settings) find(setting, 0)
  return secrets
}

/** As it is, and as JSON, the parts of URLs and Base64 usually spell it. */
const spellingsOf = (secret: string): ReadonlyArray<string> => [
  secret,
  JSON.stringify(secret).slice(1, -1),
  encodeURIComponent(secret.toWellFormed()),
  Base64.encode(secret),
]

/**
 * The letters of Base64 that are the secret's alone, whatever stands before and after it in what was encoded, as in `user:secret`: three bytes
 * are four letters, so there are three ways. Of a short secret too few letters are its own to tell it by.
 */
const base64Within = (secret: string): ReadonlyArray<string> =>
  [0, 2, 3]
    .map((shared, before) =>
      Base64.encode("\0".repeat(before) + secret)
        .replace(/.=+$/, "")
        .slice(shared),
    )
    .filter((letters) => letters.length >= 4)

const percentDecoded = (text: string): string =>
  text.replaceAll(/(?:%[\da-f]{2})+/gi, (bytes) => Option.getOrElse(decodeBytes(bytes), () => bytes))

const jsonDecoded = (text: string): string =>
  text.replaceAll(/\\(?:u([\da-f]{4})|([/\\]))/gi, (_, code: string | undefined, plain: string) =>
    code === undefined ? plain : String.fromCharCode(Number.parseInt(code, 16)),
  )

const decodeBytes = Option.liftThrowable(decodeURIComponent)

const unwrap = Option.liftThrowable((redacted: Redacted.Redacted<unknown>) => Redacted.value(redacted))
