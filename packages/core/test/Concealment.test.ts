import { assert, it } from "@effect/vitest"
import { concealer } from "@signalbox/core/Concealment"

const secret = "sk-a/b+c=&d<e-0123456789"
const conceal = concealer(new Set([secret]))

it("a secret is hidden in the spellings of JSON, whoever wrote it", () => {
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

it("text with escapes and without a secret stays as it is", () => {
  const text = '{"path":"C:\\\\x\\/y","letter":"\\u0041"}'
  assert.strictEqual(conceal(text), text)
})
