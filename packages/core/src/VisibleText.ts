/**
 * Text for people in which every character is visible. Names, keys and messages come from documents, providers and callers: a line break in one
 * would forge a line of a log, a terminal would obey an escape, and a character without a width would make two different texts look alike.
 */

/**
 * Characters that a reader cannot see or that change what other characters look like: controls, line separators, marks of the writing
 * direction, characters without a width, lone surrogates.
 */
export const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u

const everyInvisible = new RegExp(invisible, "gu")

/**
 * Escapes the invisible characters of a text, line breaks included, so that it is one line.
 *
 * **Example** (Showing a name from a document)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { escapeLine } from "@signalbox/core/VisibleText"
 *
 * strictEqual(escapeLine("fast\nerror: forged\u200b"), "fast\\x0aerror: forged\\u200b")
 * ```
 */
export const escapeLine = (text: string): string => text.replaceAll(everyInvisible, escapeOf)

/**
 * Escapes like `escapeLine`, but keeps line breaks.
 *
 * **Example** (Showing a text of several lines)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { escapeLines } from "@signalbox/core/VisibleText"
 *
 * strictEqual(escapeLines("one\ntwo\u200b"), "one\ntwo\\u200b")
 * ```
 */
export const escapeLines = (text: string): string => text.split("\n").map(escapeLine).join("\n")

/**
 * Writes a value as JSON in which all invisible characters are escapes. It means the same value. `indent` is the number of spaces for each
 * level; without it the JSON is one line.
 *
 * **Example** (Writing a text with a mark of the writing direction)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { visibleJson } from "@signalbox/core/VisibleText"
 *
 * strictEqual(visibleJson({ name: "a\u202eb" }), '{"name":"a\\u202eb"}')
 * ```
 */
export const visibleJson = (value: unknown, indent?: number): string =>
  escapeJson(JSON.stringify(value, null, indent) ?? String(value))

/**
 * Escapes the invisible characters of a JSON text, except the line breaks between its values.
 *
 * **Example** (Showing a JSON text)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { escapeJson } from "@signalbox/core/VisibleText"
 *
 * strictEqual(escapeJson('{ "name": "a\u200b" }'), '{ "name": "a\\u200b" }')
 * ```
 */
export const escapeJson = (json: string): string =>
  json.replaceAll(everyInvisible, (character) => (character === "\n" ? character : unitsOf(character)))

const escapeOf = (character: string): string => {
  const code = character.codePointAt(0)!
  return code < 0x100 ? `\\x${hex(code, 2)}` : code < 0x1_0000 ? `\\u${hex(code, 4)}` : `\\u{${hex(code, 1)}}`
}

/** JSON escapes UTF-16 units. */
const unitsOf = (character: string): string =>
  character
    .split("")
    .map((unit) => `\\u${hex(unit.charCodeAt(0), 4)}`)
    .join("")

const hex = (code: number, length: number): string => code.toString(16).padStart(length, "0")
