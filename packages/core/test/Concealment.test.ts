import { assert, it } from "@effect/vitest"
import { concealer, secretsIn } from "@signalbox/core/Concealment"
import { Redacted } from "effect"
import { share } from "../src/internal/StructuralSharing.ts"

const secret = "sk-a/b+c=&d<e-0123456789"
const conceal = concealer(new Set([secret]))

it("hides a secret in every spelling of JSON", () => {
  const everyLetter = [...secret].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`).join("")
  const spellings = {
    plain: secret,
    php: secret.replaceAll("/", "\\/"),
    go: secret.replaceAll("&", "\\u0026").replaceAll("<", "\\u003c"),
    both: secret.replaceAll("/", "\\/").replaceAll("&", "\\u0026").replaceAll("<", "\\u003C"),
    everyLetter,
    upperCase: everyLetter.toUpperCase().replaceAll("U", "u"),
  }
  for (const [name, spelling] of Object.entries(spellings)) {
    const text = `{"message":"wrong key ${spelling}, try again"}`
    assert.notStrictEqual(conceal(text), text, name)
    assert.isFalse(JSON.stringify(JSON.parse(conceal(text))).includes(secret), name)
    assert.include(conceal(text), "try again", name)
  }
})

it("keeps text with escapes and without a secret", () => {
  const text = '{"path":"C:\\\\x\\/y","letter":"\\u0041"}'
  assert.strictEqual(conceal(text), text)
})

it("keeps placeholders for keys of local servers", () => {
  const text = "provider.failed provider=ollama reason=connection refused, paths=/providers/ollama/api_key, EMPTY"
  assert.strictEqual(concealer(new Set(["ollama", "EMPTY"]))(text), text)
})

it("hides a short secret as a whole word only", () => {
  const conceal = concealer(new Set(["e", "pw12", "4711"]))
  assert.strictEqual(
    conceal("refused: the engine of the e-mail server"),
    "refused: the engine of the <redacted>-mail server",
  )
  assert.strictEqual(
    conceal('401 for "pw12", at https://me:pw12@db/4711?n=14711'),
    '401 for "<redacted>", at https://me:<redacted>@db/<redacted>?n=14711',
  )
})

it("does not replace secrets within the redaction marker", () => {
  const letters = ["r", "e", "d", "a", "c", "t", "redacted", "<redacte"]
  assert.strictEqual(
    concealer(new Set(letters))("r <redacted> redacted r"),
    "<redacted> <redacted> <redacted> <redacted>",
  )
})

it("hides each of many secrets, and overlapping ones together", () => {
  const many = Array.from({ length: 1_000 }, (_, index) => `sk-proj-${index}-of-many`)
  const conceal = concealer(new Set([...many, "abcdefgh12", "efgh12345678"]))
  assert.strictEqual(conceal(many.join(", ")), many.map(() => "<redacted>").join(", "))
  assert.strictEqual(conceal("x abcdefgh12345678 y"), "x <redacted> y")
})

it("finds a secret in the next revision of a large record whose other members it has searched", () => {
  const members = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`m${index}`, Object.freeze({ index })]))
  const before = Object.freeze({ ...members })
  assert.deepStrictEqual(secretsIn([before]), new Set())
  const after = share(before, { ...members, m50: Object.freeze({ key: Redacted.make("sk-0123456789") }) })
  assert.deepStrictEqual(secretsIn([after]), new Set(["sk-0123456789"]))
  const next = share(after, { ...members, m99: Redacted.make("sk-9876543210") })
  assert.deepStrictEqual(secretsIn([next]), new Set(["sk-9876543210"]))
})
