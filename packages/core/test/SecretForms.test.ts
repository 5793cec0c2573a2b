import { assert, it } from "@effect/vitest"
import { isProbablySecret, looksLikeSecret, withoutSecretForms } from "@signalbox/core/SecretForms"

const secrets = [
  "sk-proj-4f9aB1c2D3e4F5g6",
  "sk-ant-api03-AbCdEfGhIjKlMnOp",
  "sk-signalbox-0123456789abcdef",
  "sk_live_0123456789abcdef",
  `AIza${"Sy-0_".repeat(7)}`,
  "AKIAIOSFODNN7EXAMPLE",
  "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
  `gsk_${"0aB".repeat(8)}`,
  `xai-${"0aB".repeat(8)}`,
  `hf_${"0aB".repeat(8)}`,
  `ghp_${"0aB".repeat(12)}`,
  "github_pat_0123456789abcdefghij",
  "-----BEGIN RSA PRIVATE KEY-----",
]

const names = [
  "gpt-4.1-mini",
  "claude-sonnet-4-20250514",
  "sk-local",
  "anthropic/claude-opus-4.1:thinking",
  "ask-0123456789abcdef0123",
  "accounts/fireworks/models/llama-v3p1-405b-instruct",
  "https://api.openai.com/v1",
  "0123456789abcdef0123456789abcdef",
]

it("recognizes keys of common providers, and no names of models", () => {
  for (const secret of secrets) assert.isTrue(looksLikeSecret(secret), secret)
  assert.isTrue(looksLikeSecret(`Bearer ${secrets[0]}`))
  for (const name of names) assert.isFalse(looksLikeSecret(name), name)
})

it("replaces keys within a text", () => {
  for (const secret of secrets) {
    const shown = withoutSecretForms(`401 for "${secret}" at model`, "<hidden>")
    assert.strictEqual(shown, '401 for "<hidden>" at model')
  }
  for (const name of names) assert.strictEqual(withoutSecretForms(`no ${name} here`, "<hidden>"), `no ${name} here`)
})

it("takes a value under a name that is near the name of a secret for one", () => {
  for (const key of [
    "apikey",
    "api_key",
    "apiKey",
    "API-KEY",
    "api_kye",
    "apky",
    "pasword",
    "client_secret",
    "credentials",
  ]) {
    assert.isTrue(isProbablySecret(key, "hunter2"), key)
    assert.isTrue(isProbablySecret("team", [{ [key]: "hunter2" }]), key)
  }
  assert.isTrue(isProbablySecret("note", secrets[0]))
  assert.isTrue(isProbablySecret("tokne", "hunter2", ["token"]))
  for (const [key, value] of [
    ["note", "hunter2"],
    ["apikey", ""],
    ["apikey", 5],
    ["apikey", null],
    ["$schema", "https://example.com/schema.json"],
  ] as const) {
    assert.isFalse(isProbablySecret(key, value), key)
  }
})
