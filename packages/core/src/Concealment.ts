/** Text that may leave the process although it was made near secrets: whatever a `Redacted` value holds is replaced, however text usually spells it. */
import { Option, Redacted } from "effect"
import * as Base64 from "effect/encoding/Base64"

// Deeper than any configuration; a value that refers to itself must end too.
const maxDepth = 32

const marker = "<redacted>"

// Nobody's real key is shorter; PINs and passwords of test databases are.
const minKeyLength = 8

/** What people write where a local server wants a key and takes any: Ollama, LM Studio, llama.cpp, vLLM, and plain words. In lower case. */
const placeholders: ReadonlySet<string> = new Set([
  "ollama",
  "lm-studio",
  "no-key",
  "no-key-required",
  "sk-no-key-required",
  "token-abc123",
  "not-needed",
  "not-required",
  "no-api-key",
  "dummy",
  "dummy-key",
  "placeholder",
  "anything",
  "whatever",
  "localhost",
  "local",
  "empty",
  "none",
  "null",
  "test",
  "key",
])

const isPlaceholder = (text: string): boolean => placeholders.has(text.toLowerCase())

/** Whether a text is hidden wherever it stands: no placeholder, which names something else more often than it is a key, and no short word. */
export const isSecret = (text: string): boolean => text.length >= minKeyLength && !isPlaceholder(text)

/**
 * The function that hides these secrets in a text. Hide before cutting: half a secret is one too. One of fewer than 8 characters is hidden where
 * it stands by itself, not within a word, which would say nothing any more; a placeholder is none.
 */
export const concealer = (secrets: ReadonlySet<string>): ((text: string) => string) => {
  const real = [...secrets].filter((secret) => !isPlaceholder(secret))
  if (real.length === 0) return (text) => text
  const spelled = anyOf(real.flatMap(spellingsOf), byItself, "g")
  const plain = anyOf(real, byItself)
  const inBase64 = anyOf(real.flatMap(base64Within), anywhere)
  const tellsInBase64 = (word: string): boolean =>
    inBase64.test(percentDecoded(word).replaceAll("-", "+").replaceAll("_", "/"))
  const tellsInUrl = (word: string): boolean =>
    /[%+]/.test(word) && (plain.test(percentDecoded(word)) || plain.test(percentDecoded(word.replaceAll("+", " "))))
  // PHP escapes each slash, Go `&`, `<` and `>`, and a program may escape every letter.
  const tellsInJson = (word: string): boolean => word.includes("\\") && plain.test(jsonDecoded(word))
  return (text) => {
    const seen = text.replaceAll(/[\w+/=%-]+/g, (word) => (tellsInBase64(word) ? marker : word))
    const concealed = besideMarkers(seen, (part) => part.replaceAll(spelled, marker)).replaceAll(
      /[^\s"<>]+/g,
      (word) => (tellsInUrl(word) ? marker : word),
    )
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

/** What is hidden already is not looked into: a secret may be a part of the marker, and the text would grow with each one that is. */
const besideMarkers = (text: string, conceal: (part: string) => string): string =>
  text.split(marker).map(conceal).join(marker)

/** One expression for all of them, so that a text is read once however many there are. The longest first: a secret may hold another. */
const anyOf = (spellings: ReadonlyArray<string>, patternOf: (spelling: string) => string, flags?: string): RegExp => {
  const sorted = [...new Set(spellings)].sort((left, right) => right.length - left.length)
  // Without any it matches nowhere.
  return new RegExp(sorted.length === 0 ? "(?!)" : sorted.map(patternOf).join("|"), flags)
}

const anywhere = (spelling: string): string => spelling.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&")

const byItself = (spelling: string): string => {
  if (spelling.length >= minKeyLength) return anywhere(spelling)
  const before = /^[a-z\d]/i.test(spelling) ? "(?<![A-Za-z\\d])" : ""
  return before + anywhere(spelling) + (/[a-z\d]$/i.test(spelling) ? "(?![A-Za-z\\d])" : "")
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
