/** Removes secrets from text that leaves the process: the contents of `Redacted` values, in all usual spellings. */
import { Option, Redacted } from "effect"
import * as Base64 from "effect/encoding/Base64"
import { type Range, searchFor, withoutRanges } from "./internal/Concealment/TextSearch.ts"
import { isPlain } from "./internal/Json.ts"
import { largeMembersOf } from "./internal/StructuralSharing.ts"

// Deeper than any configuration. It also ends values that refer to themselves.
const maxDepth = 32

const marker = "<redacted>"

// Real keys are longer. PINs and passwords of test databases may be shorter.
const minKeyLength = 8

/** Values for local servers that require a key and accept any: Ollama, LM Studio, llama.cpp, vLLM, and plain words. In lower case. */
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

/** Whether a text is hidden everywhere. A placeholder is not: it usually means something else. Neither is a word of fewer than 8 characters. */
export const isSecret = (text: string): boolean => text.length >= minKeyLength && !isPlaceholder(text)

/**
 * Returns a function that replaces these secrets in a text.
 *
 * **Details**
 *
 * Secrets of fewer than 8 characters are replaced as whole words only, and placeholders not at all.
 *
 * **Gotchas**
 *
 * Call it before you cut a text: half a secret is a secret too.
 *
 * **Example** (Hiding a key in an error message)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { concealer, secretsIn } from "@signalbox/core"
 * import { Redacted } from "effect"
 *
 * const conceal = concealer(secretsIn([{ key: Redacted.make("sk-0123456789") }]))
 * strictEqual(conceal("401: wrong key sk-0123456789"), "401: wrong key <redacted>")
 * ```
 */
export const concealer = (secrets: ReadonlySet<string>): ((text: string) => string) => {
  const real = [...secrets].filter((secret) => !isPlaceholder(secret))
  if (real.length === 0) return (text) => text
  const spelled = searchFor(real.flatMap(spellingsOf), isWholeWord)
  const plain = searchFor(real, isWholeWord)
  const inBase64 = searchFor(real.flatMap(base64Within))
  const reveals = (...decoded: ReadonlyArray<string>): boolean => decoded.some((text) => plain(text).length > 0)
  const revealsInBase64 = (word: string): boolean =>
    inBase64(percentDecoded(word).replaceAll("-", "+").replaceAll("_", "/")).length > 0
  const revealsInUrl = (word: string): boolean =>
    /[%+]/.test(word) && reveals(percentDecoded(word), percentDecoded(word.replaceAll("+", " ")))
  // PHP escapes each slash, Go `&`, `<` and `>`, and a program may escape every letter.
  const revealsInJson = (word: string): boolean => word.includes("\\") && reveals(jsonDecoded(word))
  return (text) => {
    const seen = text.replaceAll(/[\w+/=%-]+/g, (word) => (revealsInBase64(word) ? marker : word))
    // A marker replaces itself: a secret that is part of the marker must not make the text grow each time.
    const concealed = withoutRanges(seen, [...markers(seen), ...spelled(seen)], marker).replaceAll(
      /[^\s"<>]+/g,
      (word) => (revealsInUrl(word) ? marker : word),
    )
    return concealed.includes("\\")
      ? concealed.replaceAll(/[^\s"]+/g, (word) => (revealsInJson(word) ? marker : word))
      : concealed
  }
}

const markers = searchFor([marker])

/** Returns the strings within the `Redacted` values of settings, and the numbers as they are written. */
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
    const isData = Array.isArray(value) || isPlain(value)
    if (!isData && Redacted.isRedacted(value)) {
      // A wiped one has no value any more.
      add(Option.getOrUndefined(unwrap(value)), depth)
      return false
    }
    const members = isPlain(value) ? largeMembersOf(value) : undefined
    const items = members?.values ?? itemsOf(value)
    // Most parts of a configuration hold scalars alone, and remembering each of them would cost more than reading it.
    if (isData && members === undefined && !items.some(isObject)) return Object.isFrozen(value)
    if (withoutSecrets.has(value)) return true
    if (seen.has(value) || depth > maxDepth) return false
    seen.add(value)
    const known = members && cleanValues.get(members.keys)
    let clean = isData && Object.isFrozen(value)
    for (let index = 0; index < items.length; index++) {
      if (known === undefined || known[index] !== items[index]) clean = find(items[index], depth + 1) && clean
    }
    if (clean && items.length > manyItems) withoutSecrets.add(value)
    if (clean && members !== undefined) cleanValues.set(members.keys, items)
    return clean
  }
  for (const setting of settings) find(setting, 0)
  return secrets
}

/** Large values that were searched before: most of a configuration is the same object in the next revision. */
const withoutSecrets = new WeakSet<object>()

/**
 * The values of the last large record without secrets, by its list of keys, which the next revision shares. One comparison for each member takes a
 * tenth of the time of looking it up.
 */
const cleanValues = new WeakMap<ReadonlyArray<string>, ReadonlyArray<unknown>>()
const manyItems = 64

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

const itemsOf = (value: object): ReadonlyArray<unknown> =>
  value instanceof Map || value instanceof Set ? [...value] : Object.values(value)

/** A short secret within a longer word is not replaced. */
const isWholeWord = (text: string, [start, end]: Range): boolean =>
  end - start >= minKeyLength || !(isWithinWord(text, start) || isWithinWord(text, end))

const isWithinWord = (text: string, at: number): boolean =>
  /^[a-z\d]{2}$/i.test(text.slice(Math.max(0, at - 1), at + 1))

/** The secret as it is, and its usual spellings in JSON, URLs and Base64. */
const spellingsOf = (secret: string): ReadonlyArray<string> => [
  secret,
  JSON.stringify(secret).slice(1, -1),
  encodeURIComponent(secret.toWellFormed()),
  Base64.encode(secret),
]

/**
 * The Base64 letters that depend on the secret alone, not on the text around it, as in `user:secret`. Three bytes become four letters, so there
 * are three possible alignments. A short secret has too few such letters to be recognised.
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
