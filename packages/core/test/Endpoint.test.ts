/** A save with an address or a key that no request could use is refused, at its line and column. */
import { assert, describe, it } from "@effect/vitest"
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import { ProviderSettings } from "@signalbox/core/Providers"
import { Result, Schema } from "effect"
import * as fc from "fast-check"

const document = ConfigDocument.make({ schema: Schema.Struct({ providers: ProviderSettings.schema }) })

const problemsOf = (settings: object) =>
  Result.match(document.load(`{ "providers": {\n  "p": ${JSON.stringify({ kind: "openai", ...settings })}\n} }`, {}), {
    onFailure: (problems) => problems,
    onSuccess: () => [],
  })

const refused = (settings: { readonly base_url: string } | { readonly api_key: string }, message: RegExp): void => {
  const [name = "", value = ""] = Object.entries(settings)[0] ?? []
  const [problem, ...others] = problemsOf(settings)
  assert.deepStrictEqual(others, [], value)
  assert.match(problem?.message ?? "accepted", message, value)
  assert.deepInclude(problem, { path: `/providers/p/${name}`, line: 2 })
  assert.isAbove(problem?.column ?? 0, 20)
  // A short value may be a word of the message.
  if (value.length > 8) assert.notInclude(problem?.message, value)
}

describe("base_url", () => {
  it("refuses a port that does not exist", () => {
    for (const port of ["0", "65536", "99999", "123456789", "", "-1", "80a", "8 0", "00000"]) {
      const url = `http://localhost:${port}/v1`
      if (port === "8 0") refused({ base_url: url }, /must be an http or https URL/)
      else refused({ base_url: url }, /port that does not exist/)
    }
    refused({ base_url: "http://[::1]:65536" }, /port that does not exist/)
  })

  it("refuses a host that URL cannot read", () => {
    for (const host of ["256.256.256.256", "1.2.3.4.5.6", "[::1", "[zz::]", "a%b", "a<b", "a|b", "a^b"]) {
      refused({ base_url: `http://${host}/v1` }, /neither a host name nor an IP address/)
    }
  })

  it("accepts only what URL reads, for generated texts", () => {
    const part = fc.oneof(
      fc.constantFrom(
        "http://",
        "https://",
        "HTTP://",
        ":",
        "/",
        "[",
        "]",
        "::1",
        "127.0.0.1",
        "%",
        "%41",
        ".",
        "@",
        "?",
      ),
      fc.constantFrom("localhost", "example.com", "ünï.de", "80", "65535", "65536", "0", "v1", " ", "\t", "\\", "xn--"),
      fc.string({ unit: "binary", maxLength: 2 }),
    )
    let accepted = 0
    const check = (url: string): void => {
      if (problemsOf({ base_url: url }).length > 0) return
      accepted++
      const { hash, password, port, protocol, search, username } = new URL(url)
      assert.deepStrictEqual([hash, password, search, username], ["", "", "", ""], url)
      assert.include(["http:", "https:"], protocol)
      assert.isTrue(port === "" || Number(port) > 0, url)
    }
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        check(parts.join(""))
        check(`http://${parts.join("")}`)
      }),
      { numRuns: 500 },
    )
    assert.isAbove(accepted, 30)
  })

  it("accepts addresses of every kind", () => {
    for (const url of [
      "https://api.openai.com/v1",
      "http://localhost:11434/v1/",
      "http://[::1]:8080",
      "http://10.0.0.1:65535",
      "http://münchen.example/v1",
      "HTTPS://EXAMPLE.COM:00443",
    ]) {
      assert.deepStrictEqual(problemsOf({ base_url: url }), [], url)
    }
  })
})

describe("api_key", () => {
  it("refuses a key that no HTTP header can carry", () => {
    for (const key of [
      "sk-a\nb",
      "sk-a\r",
      "sk-a\u0000",
      "sk-…",
      "schlüssel",
      "sk-a\u200b",
      " sk-a",
      "sk-a ",
      "sk-a\t",
    ]) {
      refused({ api_key: key }, /an HTTP header carries no others/)
    }
    refused({ api_key: "k".repeat(4_097) }, /at most 4096 characters/)
    refused({ api_key: "" }, /must not be empty/)
  })

  it("accepts only keys that the headers of a request take, for generated texts", () => {
    const character = fc.oneof(
      fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
      fc.constantFrom("a", " ", "~"),
    )
    let accepted = 0
    fc.assert(
      fc.property(fc.array(character, { maxLength: 5 }), (characters) => {
        const key = characters.join("")
        if (problemsOf({ api_key: key }).length > 0) return
        accepted++
        assert.strictEqual(new Headers({ authorization: `Bearer ${key}` }).get("authorization"), `Bearer ${key}`)
      }),
      { numRuns: 1_000 },
    )
    assert.isAbove(accepted, 50)
  })

  it("refuses a reference to a variable, a file or a vault, and a placeholder in brackets", () => {
    for (const key of [
      "\u0024{OPENAI_API_KEY}",
      "$OPENAI_API_KEY",
      "$(pass openai)",
      "%OPENAI_API_KEY%",
      "{{ openai_key }}",
      "{env:OPENAI_API_KEY}",
      "os.environ/OPENAI_API_KEY",
      "os.environ['OPENAI_API_KEY']",
      "process.env.OPENAI_API_KEY",
      "env:OPENAI_API_KEY",
      "env/OPENAI_API_KEY",
      "OPENAI_API_KEY",
      "file:/run/secrets/openai",
      "file:///run/secrets/openai",
      "op://vault/openai/key",
      "vault:kv/openai",
      "<your key>",
      "sk-...",
    ]) {
      refused({ api_key: key }, /must be the key itself/)
    }
  })

  it("accepts real keys and the words that local servers take for one", () => {
    for (const key of [
      "sk-proj-4f9aB1c2D3e4F5",
      "sk-ant-api03-AbCd_Ef-01",
      "AIzaSyA-0123456789",
      "gsk_0123456789abcdef",
      "eyJhbGciOi.eyJzdWIi.c2ln/+==",
      "$2b$10$abcdefghijklmnop",
      "user:password",
      "ollama",
      "env",
      "file",
      "secret",
      "none",
      "<redacted>",
      "two words",
    ]) {
      assert.deepStrictEqual(problemsOf({ api_key: key }), [], key)
    }
  })
})
