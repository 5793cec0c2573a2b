/**
 * Recognizes API keys and tokens by their form, where nothing else marks a text as a secret: a key that was pasted into the wrong place, or under
 * a misspelt name. It knows the forms of common providers and cannot know all of them.
 */
import { nearNames } from "./NearNames.ts"

/** Each form begins with a prefix that its provider gives to keys alone. */
const forms = [
  // OpenAI, Anthropic, OpenRouter, DeepSeek, Signalbox; Stripe
  /sk-[\w-]{16,}/,
  /[sr]k_(?:live|test)_\w{16,}/,
  // Google, AWS, Azure's JWTs
  /AIza[\w-]{30,}|ya29\.[\w-]{20,}/,
  /A(?:KIA|SIA)[A-Z\d]{16}/,
  /eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}/,
  // Groq, xAI, Perplexity, Hugging Face, Replicate, NVIDIA, Cerebras, Together, Databricks
  /(?:gsk|hf|r8|tgp_v1)_[\w-]{20,}|(?:xai|pplx|nvapi|csk)-[\w-]{20,}|dapi[\da-f]{32}/,
  // GitHub, GitLab, Slack, npm
  /gh[opsur]_\w{30,}|github_pat_\w{20,}|glpat-[\w-]{20,}|xox[abeprs]-[\w-]{10,}|npm_\w{30,}/,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
]

const source = forms.map((form) => form.source).join("|")
const whole = new RegExp(`^(?:Bearer )?(?:${source})`)
const within = new RegExp(`(?<![\\w-])(?:${source})`, "g")

/**
 * Whether a text begins like an API key or a token.
 *
 * **Example** (Recognizing a key)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import { looksLikeSecret } from "@signalbox/core/SecretForms"
 *
 * deepStrictEqual(["sk-proj-0123456789abcdef", "gpt-4.1"].map(looksLikeSecret), [true, false])
 * ```
 */
export const looksLikeSecret = (text: string): boolean => text.length >= minLength && whole.test(text)

/**
 * Returns the text with `marker` in place of each word that has the form of an API key or a token.
 *
 * **Example** (Hiding a key in a message)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { withoutSecretForms } from "@signalbox/core/SecretForms"
 *
 * strictEqual(withoutSecretForms("refused: sk-proj-0123456789abcdef", "<redacted>"), "refused: <redacted>")
 * ```
 */
export const withoutSecretForms = (text: string, marker: string): string =>
  text.length < minLength ? text : text.replaceAll(within, marker)

const minLength = 16

/**
 * Whether a value is probably a secret, judged by its key, which may be misspelt, and by its form. `names` are names of secrets that the caller
 * knows. Looks at all members of an object or array.
 *
 * **Example** (Judging the value of an unknown key)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import { isProbablySecret } from "@signalbox/core/SecretForms"
 *
 * deepStrictEqual(["apikey", "note"].map((key) => isProbablySecret(key, "hunter2")), [true, false])
 * ```
 */
export const isProbablySecret = (key: string, value: unknown, names: ReadonlyArray<string> = []): boolean =>
  holdsSecret(value, namesSecret(key, names), names)

const holdsSecret = (value: unknown, isNamed: boolean, names: ReadonlyArray<string>): boolean => {
  if (typeof value === "string") return looksLikeSecret(value) || (isNamed && value !== "")
  if (typeof value !== "object" || value === null) return false
  return Array.isArray(value)
    ? value.some((element) => holdsSecret(element, isNamed, names))
    : Object.entries(value).some(([key, inner]) => holdsSecret(inner, isNamed || namesSecret(key, names), names))
}

const namesSecret = (key: string, names: ReadonlyArray<string>): boolean => {
  const letters = lettersOf(key)
  return (
    words.some((word) => letters.includes(word)) || nearNames(letters, [...words, ...names.map(lettersOf)]).length > 0
  )
}

const lettersOf = (key: string): string => key.toLowerCase().replaceAll(/[^a-z]/g, "")

const words = [
  "apikey",
  "apitoken",
  "accesstoken",
  "secret",
  "password",
  "passphrase",
  "credential",
  "privatekey",
  "authorization",
]
