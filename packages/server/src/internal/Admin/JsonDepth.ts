/** Measures how deep JSON nests before a parser sees it: parsing megabytes of brackets takes seconds and blocks the host. */

/** Nested arrays and objects. A document allows fewer. */
export const maxDepth = 256

/** Whether the arrays and objects of a JSON text nest deeper than `maxDepth`. Invalid JSON is left to the parser. */
export const isTooDeep = (bytes: Uint8Array): boolean => {
  let depth = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === quote) at = closingQuote(bytes, at)
    else if (byte === openBrace || byte === openBracket) {
      if (++depth > maxDepth) return true
    } else if (byte === closeBrace || byte === closeBracket) depth--
  }
  return false
}

const closingQuote = (bytes: Uint8Array, open: number): number => {
  let at = open + 1
  while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1
  return at
}

const quote = 0x22
const backslash = 0x5c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
