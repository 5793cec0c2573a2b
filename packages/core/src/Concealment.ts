/** Text that may leave the process although it was made near secrets: whatever a `Redacted` value holds is replaced, however text usually spells it. */
import { Option, Redacted } from "effect"
import * as Base64 from "effect/encoding/Base64"
import { type Range, searchFor, withoutRanges } from "./internal/Concealment/TextSearch.ts"

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
  const spelled = searchFor(real.flatMap(spellingsOf), standsByItself)
  const plain = searchFor(real, standsByItself)
  const inBase64 = searchFor(real.flatMap(base64Within))
  const tells = (...decoded: ReadonlyArray<string>): boolean => decoded.some((text) => plain(text).length > 0)
  const tellsInBase64 = (word: string): boolean =>
    inBase64(percentDecoded(word).replaceAll("-", "+").replaceAll("_", "/")).length > 0
  const tellsInUrl = (word: string): boolean =>
    /[%+]/.test(word) && tells(percentDecoded(word), percentDecoded(word.replaceAll("+", " ")))
  // PHP escapes each slash, Go `&`, `<` and `>`, and a program may escape every letter.
  const tellsInJson = (word: string): boolean => word.includes("\\") && tells(jsonDecoded(word))
  return (text) => {
    const seen = text.replaceAll(/[\w+/=%-]+/g, (word) => (tellsInBase64(word) ? marker : word))
    // A marker is a range too, and gets itself: a secret within it must not make the text grow each time it passes here.
    const concealed = withoutRanges(seen, [...markers(seen), ...spelled(seen)], marker).replaceAll(
      /[^\s"<>]+/g,
      (word) => (tellsInUrl(word) ? marker : word),
    )
    return concealed.includes("\\")
      ? concealed.replaceAll(/[^\s"]+/g, (word) => (tellsInJson(word) ? marker : word))
      : concealed
  }
}

const markers = searchFor([marker])

/** The strings within the `Redacted` values of settings, and the numbers as they are written. */
export const secretsIn = (settings: Iterable<unknown>): ReadonlySet<string> => {
  const secrets = new Set<string>()
  const seen = new Set<object>()
  const add = (value: unknown, depth: number): void => {
    if (typeof value === "string" && value !== "") secrets.add(value)
    else if (typeof value === "number" || typeof value === "bigint") secrets.add(String(value))
    else if (isObject(value) && !seen.has(value) && depth <= maxDepth) {
      seen.add(value)
      for (const item of itemsOf(value)) add(item, depth + 1)
    }
  }
  /** Returns whether the value is immutable and holds no secret. */
  const find = (value: unknown, depth: number): boolean => {
    if (!isObject(value)) return true
    if (Redacted.isRedacted(value)) {
      // A wiped one has no value any more.
      add(Option.getOrUndefined(unwrap(value)), depth)
      return false
    }
    if (withoutSecrets.has(value)) return true
    if (seen.has(value) || depth > maxDepth) return false
    seen.add(value)
    let clean = isImmutable(value)
    for (const item of itemsOf(value)) clean = find(item, depth + 1) && clean
    if (clean) withoutSecrets.add(value)
    return clean
  }
  for (const setting of settings) find(setting, 0)
  return secrets
}

/** Values that were searched before: nearly all of a configuration is the same object in the next revision. */
const withoutSecrets = new WeakSet<object>()

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

const itemsOf = (value: object): Iterable<unknown> =>
  value instanceof Map || value instanceof Set ? value : Object.values(value)

const isImmutable = (value: object): boolean =>
  Object.isFrozen(value) && (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype)

/** A short one within a word is that word's. */
const standsByItself = (text: string, [start, end]: Range): boolean =>
  end - start >= minKeyLength || !(isWithinWord(text, start) || isWithinWord(text, end))

const isWithinWord = (text: string, at: number): boolean =>
  /^[a-z\d]{2}$/i.test(text.slice(Math.max(0, at - 1), at + 1))

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
