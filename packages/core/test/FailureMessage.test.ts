import { assert, describe, it } from "@effect/vitest"
import { Cause, Redacted } from "effect"
import * as fc from "fast-check"
import { failureMessage } from "../src/internal/FailureMessage.ts"

const shown = (message: string, ...secrets: ReadonlyArray<string>) =>
  failureMessage(Cause.fail(new Error(message)), [{ keys: secrets.map((secret) => Redacted.make(secret)) }])

const secret = fc.string({ unit: "grapheme", minLength: 5, maxLength: 40 }).filter((text) => text.trim().length > 4)
const around = fc.string({ unit: "grapheme", maxLength: 12 })

describe("the message of a failure", () => {
  it("hides a secret within Base64, as in HTTP's basic authentication", () => {
    assert.strictEqual(
      shown(`401 for Authorization: Basic ${btoa("user:s3cr3t-key")} (host api)`, "s3cr3t-key"),
      "401 for Authorization: Basic <redacted> (host api)",
    )
    fc.assert(
      fc.property(around, secret, around, fc.constantFrom("base64", "base64url"), (before, key, after, encoding) => {
        const spelled = Buffer.from(before + key + after).toString(encoding as BufferEncoding)
        assert.strictEqual(shown(`refused: ${spelled}.`, key), "refused: <redacted>.")
        const inUrl = shown(`refused: /${encodeURIComponent(spelled)}`, key)
        assert.notInclude(inUrl, encodeURIComponent(spelled).replace(/(%3D)+$/, ""))
      }),
    )
  })

  it("hides a number that is a secret", () => {
    for (const pin of [73914482, 73914482n]) {
      const message = failureMessage(Cause.fail(new Error("PIN 73914482 refused")), [{ pin: Redacted.make(pin) }])
      assert.strictEqual(message, "PIN <redacted> refused")
    }
  })

  it("hides a secret in every spelling of URLs", () => {
    fc.assert(
      fc.property(secret, (key) => {
        const url = new URL("https://api.example/v1")
        url.password = key
        const query = new URLSearchParams({ key }).toString()
        for (const spelled of [url.href, query, encodeURI(key), encodeURIComponent(key).toLowerCase()]) {
          const message = shown(`refused: ${spelled}`, key)
          const decoded = decodeURIComponent(message.replaceAll("+", " ").replaceAll(/%(?![\da-f]{2})/gi, "%25"))
          assert.notInclude(decoded, key.replaceAll(/\s+/g, " ").trim())
        }
      }),
    )
  })

  it("keeps text that is not a secret", () => {
    const message = "GET https://api.example/v1/models?limit=10%25&key=<redacted> failed: dXNlcjpwYXNz, 100% sure"
    assert.strictEqual(
      shown(message, "s3cr3t-key", "pa", "limit="),
      message.replace("limit=", "<redacted>").replace("pa", "<redacted>"),
    )
  })
})
