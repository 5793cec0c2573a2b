/**
 * Edits of the text that keep what is around them: comments, order, indentation. Each edit is verified by parsing the result, so that one
 * that does not take effect (a key that stands twice, a case that the editor gets wrong) is never answered as done.
 */

import { Result } from "effect"
import { applyEdits, type FormattingOptions, modify } from "jsonc-parser"
import { equivalent } from "./Difference.ts"
import { absent, arrayIndex, lookup, replaceAt, type Tokens } from "./Json.ts"
import type { Finding } from "./Problems.ts"
import { depthExceeded, parse } from "./Text.ts"
import { type Node, nearestNode, nodeAt, properties, treeOf } from "./Tree.ts"

/** A text together with what it says. */
export interface Draft {
  readonly text: string
  readonly value: unknown
}

/** The draft with one value set, or removed by `absent`. The value is plain JSON. Answers the same draft where nothing changes. */
export const setValue = (draft: Draft, tokens: Tokens, value: unknown): Result.Result<Draft, Finding> => {
  const refuse = (message: string, path: Tokens = tokens): Result.Result<never, Finding> =>
    Result.fail({ by: "schema", path, message, at: "value" })
  if (tokens.length === 0) return refuse("the document as a whole cannot be edited: replace it, or edit its keys")
  const wanted = replaceAt(draft.value, tokens, value)
  if (wanted === absent)
    return refuse("there is no place for this value: what is above it is no object and no such array element")
  const before = lookup(draft.value, tokens)
  if (wanted === draft.value || (before !== absent && value !== absent && equivalent(before, value)))
    return Result.succeed(draft)
  const text = draft.text.charCodeAt(0) === 0xfeff ? draft.text.slice(1) : draft.text
  const root = treeOf(text)
  if (root === undefined || depthExceeded(text) !== -1) return refuse("the document cannot be edited: it is not JSON")
  const twice = duplicate(root, tokens)
  if (twice !== undefined) {
    return refuse(
      `the key ${JSON.stringify(twice.at(-1))} stands twice here, so that an edit would be ambiguous: remove one`,
      twice,
    )
  }
  const mark = text === draft.text ? "" : draft.text[0]!
  for (const attempt of [modified, rewritten]) {
    const next = attempt(text, root, draft.value, tokens, value, wanted)
    if (next === undefined) continue
    const parsed = parse(next, true)
    if (Result.isSuccess(parsed) && equivalent(parsed.success.value, wanted)) {
      return Result.succeed({ text: mark + next, value: wanted })
    }
  }
  return refuse("this edit does not take effect in the text: edit the document by hand")
}

/** The first path on the way whose key stands there more than once. */
const duplicate = (root: Node, tokens: Tokens): Tokens | undefined => {
  for (let depth = 0; depth < tokens.length; depth++) {
    const node = nodeAt(root, tokens.slice(0, depth))
    if (node?.type === "object" && properties(node, tokens[depth]!).length > 1) return tokens.slice(0, depth + 1)
  }
  return undefined
}

type Attempt = (
  text: string,
  root: Node,
  before: unknown,
  tokens: Tokens,
  value: unknown,
  wanted: unknown,
) => string | undefined

const modified: Attempt = (text, _root, before, tokens, value) => {
  const formattingOptions = formattingOf(text)
  const path: Array<string | number> = []
  let place = before
  for (const token of tokens) {
    if (Array.isArray(place)) path.push(token === "-" ? place.length : (arrayIndex(token) ?? -1))
    else path.push(token)
    place = lookup(place, [token])
  }
  try {
    const edits = modify(
      text,
      path,
      value === absent ? undefined : value,
      formattingOptions === undefined ? {} : { formattingOptions },
    )
    return applyEdits(text, edits)
  } catch {
    return undefined
  }
}

/** Writes the innermost value that encloses the edit anew; its comments are lost. */
const rewritten: Attempt = (text, root, _before, tokens, _value, wanted) => {
  let depth = tokens.length - 1
  while (depth > 0 && nodeAt(root, tokens.slice(0, depth)) === undefined) depth--
  const node = nearestNode(root, tokens.slice(0, depth))
  const indent = formattingOf(text)
  const unit = indent === undefined ? 0 : indent.insertSpaces === true ? (indent.tabSize ?? 2) : "\t"
  const body = JSON.stringify(lookup(wanted, tokens.slice(0, depth)), undefined, unit)
  const margin = typeof unit === "number" ? " ".repeat(unit * depth) : unit.repeat(depth)
  const eol = indent?.eol ?? "\n"
  return text.slice(0, node.offset) + body.replaceAll("\n", eol + margin) + text.slice(node.offset + node.length)
}

/** How the text is laid out; nothing for a text on one line, which stays on one line. */
export const formattingOf = (text: string): FormattingOptions | undefined => {
  const eol = text.includes("\r\n") ? "\r\n" : "\n"
  if (!text.trimEnd().includes("\n")) return undefined
  const indent = /\n([ \t]+)\S/.exec(text)?.[1] ?? "  "
  return indent.startsWith("\t")
    ? { insertSpaces: false, tabSize: 4, eol }
    : { insertSpaces: true, tabSize: Math.min(indent.length, 8), eol }
}

/** Carries a whole document over into a text, difference by difference, so that comments stay; written anew where that fails. */
export const rewriteDocument = (draft: Draft, wanted: unknown, paths: ReadonlyArray<Tokens>): string => {
  let current = draft
  for (const tokens of paths) {
    const value = lookup(wanted, tokens)
    const next = tokens.length === 0 ? undefined : setValue(current, tokens, value)
    if (next === undefined || Result.isFailure(next)) return pretty(wanted)
    current = next.success
  }
  return equivalent(current.value, wanted) ? current.text : pretty(wanted)
}

export const pretty = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`
