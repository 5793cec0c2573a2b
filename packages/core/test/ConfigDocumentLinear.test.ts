/**
 * Any text up to the size bound is read or refused in time linear in its length. Each case is measured at n and 4n in one process: linear work
 * takes about 4 times as long, quadratic work 16 times. The bound lies between them, and a disturbed measurement is repeated.
 */
import { assert, describe, it } from "@effect/vitest"
import { redactionMarker } from "@signalbox/core/ConfigDocument"
import { Result } from "effect"
import { document } from "./ConfigDocumentHost.ts"

const bound = 10
// Shorter measurements are noise. Quadratic work on the sizes below takes seconds.
const shortestMillis = 3
const attempts = 4

const millisOf = (work: () => unknown): number => {
  const started = performance.now()
  work()
  return performance.now() - started
}

const growsLinearly = (prepare: (size: number) => () => unknown): void => {
  const size = millisOf(prepare(1_500)) < shortestMillis ? 16_000 : 1_500
  const [small, large] = [prepare(size), prepare(4 * size)]
  let ratio = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < attempts && ratio > bound; attempt++) {
    const before = Math.min(millisOf(small), millisOf(small))
    ratio = Math.min(ratio, millisOf(large) / Math.max(shortestMillis, before))
  }
  assert.isAtMost(ratio, bound, "four times the text")
}

/** Everything that a request can make the engine do with a text. */
const everything = (text: string) => (): void => {
  const previous = Result.getOrUndefined(document.load("{}", {}))
  const loaded = Result.getOrUndefined(document.load(text, {}, previous))
  if (loaded !== undefined) {
    assert.isDefined(loaded.warnings)
    assert.isTrue(Result.isSuccess(document.load(`${text} `, {}, loaded)))
    assert.isDefined(document.changes(previous!, loaded))
  }
  const redacted = document.redact(text)
  document.restore(redacted, text)
  document.restore(text, redacted)
  document.redactRotated(text, "{}", text)
  document.editsBetween("{}", text)
  document.edit(text, [
    { path: "/server/port", value: 1 },
    { path: "/models/new", value: { upstream: "x" } },
    { path: "/plugins/-", value: { name: "n", token: redactionMarker } },
  ])
}

const times = (count: number, item: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => item(index)).join("")
const list = (count: number, item: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => item(index)).join(",")

const texts: Readonly<Record<string, (n: number) => string>> = {
  "comments that open and never close": (n) => "/*".repeat(n),
  "comments that open and never close, apart": (n) => `{ ${"/* ".repeat(n)}`,
  "closed comments": (n) => `${"/**/".repeat(n)}{}`,
  "closed comments on lines of their own": (n) => `{\n${"/* a */\n".repeat(n)}}`,
  "line comments": (n) => `{\n${"// a\n".repeat(n)}}`,
  "closed comments between members": (n) =>
    `{ "models": { ${list(n, (i) => `/**/"m${i}":/**/{"upstream":"u"}/**/`)} } }`,
  "a trailing comma before many comments": (n) => `{ "plugins": [1, ${"/**/".repeat(n)}] }`,
  "trailing commas before comments": (n) => `{ "plugins": [${list(n, () => '{"name":"p",/**/}')},/**/] }`,
  slashes: (n) => `{ ${"/".repeat(n)}`,
  "stars and slashes": (n) => `{ /* ${"* /".repeat(n)}`,
  "opening brackets": (n) => "[".repeat(n),
  "opening braces": (n) => '{"a":'.repeat(n),
  "nested arrays": (n) => `{"plugins":${"[".repeat(n)}${"]".repeat(n)}}`,
  "nested objects": (n) => `${'{"a":'.repeat(n)}1${"}".repeat(n)}`,
  "nesting to the bound with all members at the bottom": (n) =>
    `${'{"a":'.repeat(150)}{${list(n, (i) => `"k${i}":[${i}]`)}}${"}".repeat(150)}`,
  "closing brackets": (n) => `{${"]".repeat(n)}`,
  "a string that never closes": (n) => `{ "a": "${"x".repeat(n)}`,
  "a long string": (n) => `{ "default_alias": "${"x".repeat(8 * n)}" }`,
  "backslashes in a string": (n) => `{ "default_alias": "${"\\\\".repeat(n)}" }`,
  "backslashes in a string that never closes": (n) => `{ "default_alias": "${"\\".repeat(n)}`,
  "escaped quotes": (n) => `{ "default_alias": "${'\\"'.repeat(n)}" }`,
  "escaped quotes in a string that never closes": (n) => `{ "default_alias": "${'\\"'.repeat(n)}`,
  "Unicode escapes": (n) => `{ "default_alias": "${"\\u0041".repeat(n)}" }`,
  quotes: (n) => `{ ${'"'.repeat(n)}`,
  "strings on lines that do not close them": (n) => `{ ${'"a\n'.repeat(n)} }`,
  "one key many times": (n) => `{ "server": { ${list(n, () => '"port": 1')} } }`,
  "many keys twice": (n) => `{ "models": { ${list(n, (i) => `"m${i % (n / 2)}": { "upstream": "u" }`)} } }`,
  "unknown keys": (n) => `{ ${list(n, (i) => `"serve${i}": ${i}`)} }`,
  "unknown keys in members": (n) =>
    `{ "models": { ${list(n, (i) => `"m${i}": { "upstream": "u", "upstraem": 1 }`)} } }`,
  "invalid members": (n) => `{ "models": { ${list(n, (i) => `"m${i}": { "upstream": ${i} }`)} } }`,
  "a huge array": (n) => `{ "plugins": [${list(n, () => '{"name":"p","token":null}')}] }`,
  "a huge array of numbers": (n) => `{ "plugins": [${list(n, String)}] }`,
  "numbers out of range": (n) => `{ "plugins": [${list(n, () => "1e999")}] }`,
  "one long number": (n) => `{ "server": { "port": ${"1".repeat(n)} } }`,
  "forbidden keys": (n) => `{ "plugins": [${list(n, () => '{"__proto__":1}')}] }`,
  spaces: (n) => `{${" ".repeat(8 * n)}}`,
  "lines of spaces": (n) => `{${`${" ".repeat(50)}\n`.repeat(n / 10)}}`,
  "line breaks": (n) => `{${"\r\n".repeat(n)}}`,
  commas: (n) => `{ "plugins": [1${",".repeat(n)}] }`,
  colons: (n) => `{ "a"${":".repeat(n)} }`,
  "half surrogate pairs": (n) => `{ "a": "${"\ud800".repeat(n)}" }`,
  "secrets and comments": (n) =>
    `{ "providers": { "p": { "url": "http://a", "headers": { ${list(n, (i) => `"h${i}": "secret-${i}" // note ${i}\n`)} } } } }`,
  "secrets that were replaced": (n) =>
    `{ "providers": { "p": { "url": "http://a", "headers": { ${list(n, (i) => `"h${i}": "${redactionMarker}"`)} } } } }`,
  "array elements with replaced secrets": (n) =>
    `{ "plugins": [${list(n, (i) => `{"name":"p${i % 7}","token":"${redactionMarker}"}`)}] }`,
  "bare markers in an array": (n) => `{ "plugins": [${list(n, () => `"${redactionMarker}"`)}] }`,
  "runs that look like credentials": (n) => `{} // ${"a".repeat(n)} ${times(n, () => "a1")}`,
}

describe("ConfigDocument with adversarial texts", () => {
  for (const [name, textOf] of Object.entries(texts)) {
    it(`takes time linear in the length of ${name}`, () => growsLinearly((size) => everything(textOf(size))))
  }

  it("restores the secrets of a long document in time linear in its length", () => {
    const textOf = (size: number) =>
      `{ "providers": { ${list(size, (i) => `"p${i}": { "url": "http://a", "api_key": "sk-${i}" } /* key ${i} */`)} }, "plugins": [${list(size, (i) => `{"name":"p${i}","token":"t${i}"}`)}] }`
    growsLinearly((size) => {
      const text = textOf(size)
      const redacted = document.redact(text)
      return () => assert.deepStrictEqual(document.restore(redacted, text), Result.succeed(text))
    })
  })

  it("restores the secrets of array elements that differ only at their ends in time linear in their number", () => {
    const same = list(60, (i) => `"k${i}":${i}`)
    const textOf = (size: number, token: (index: number) => string) =>
      `{ "plugins": [${list(size / 7.5, (i) => `{${same},"name":"p${i}","token":"${token(i)}"}`)}] }`
    growsLinearly((size) => {
      const [text, redacted] = [textOf(size, (i) => `t${i}`), textOf(size, () => redactionMarker)]
      return () => assert.deepStrictEqual(document.restore(redacted, text), Result.succeed(text))
    })
  })

  it("refuses 300,000 unclosed comments and reads 300,000 closed ones", () => {
    assert.isTrue(Result.isFailure(document.load("/* ".repeat(300_000), {})))
    assert.isTrue(Result.isSuccess(document.load(`${"/**/".repeat(300_000)}{}`, {})))
  })
})
