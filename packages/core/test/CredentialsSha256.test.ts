import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { sha256 } from "../src/internal/Credentials/Sha256.ts"

const reference = (text: string) => createHash("sha256").update(text).digest("hex")

describe("sha256", () => {
  it("returns the digests of FIPS 180-4", () => {
    assert.strictEqual(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    assert.strictEqual(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  })
  it("agrees with OpenSSL at every length around block boundaries, and for any text", () => {
    for (let length = 0; length <= 600; length++) {
      const text = "é".repeat(length >> 1) + "a".repeat(length & 1)
      assert.strictEqual(sha256(text), reference(text), String(length))
    }
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        assert.strictEqual(sha256(text), reference(text))
      }),
    )
  })
})
