/**
 * Edits of the text that keep what is around them: comments, order, indentation. Each edit is verified by parsing the result, so that one
 * that does not take effect (a key that stands twice, a case that the editor gets wrong) is never answered as done.
 */

import { Result } from "effect"
import { arrayIndex, type Tokens } from "../JsonPointer.ts"
import { equivalent } from "./Difference.ts"
import { absent, lookup, replaceAt } from "./Json.ts"
import type { Finding } from "./Problems.ts"
import { appendItem, removeItem, replaceNode } from "./Splice.ts"
import { depthExceeded, parse } from "./Text.ts"
import { type Node, nearestNode, nodeAt, properties, property, treeOf } from "./Tree.ts"

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
  for (const attempt of [spliced, rewritten]) {
    const next = attempt({ text, root, tokens, wanted })
    if (next === undefined) continue
    const parsed = parse(next, "comments")
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

interface Place {
  readonly text: string
  readonly root: Node
  readonly tokens: Tokens
  /** What the whole document is to say. */
  readonly wanted: unknown
}

/** The smallest change: one value replaced, one member added or removed. */
const spliced = ({ root, text, tokens, wanted }: Place): string | undefined => {
  let depth = tokens.length - 1
  while (depth > 0 && nodeAt(root, tokens.slice(0, depth)) === undefined) depth--
  const container = nodeAt(root, tokens.slice(0, depth))
  const token = tokens[depth]!
  const value = lookup(wanted, tokens.slice(0, depth + 1))
  if (container?.type === "object") {
    const node = property(container, token)
    if (node === undefined) return value === absent ? undefined : appendItem(text, container, token, value)
    if (value === absent) return removeItem(text, container, container.children!.indexOf(node))
    return replaceNode(text, node.children![1]!, value)
  }
  if (container?.type !== "array") return undefined
  const elements = lookup(wanted, tokens.slice(0, depth)) as ReadonlyArray<unknown>
  const there = container.children?.length ?? 0
  const index = token === "-" ? there : arrayIndex(token)
  if (index === undefined) return undefined
  if (elements.length < there) return removeItem(text, container, index)
  if (index === there) return appendItem(text, container, undefined, elements[index])
  return replaceNode(text, container.children![index]!, elements[index])
}

/** Writes the innermost object or array that encloses the edit anew; its comments are lost. */
const rewritten = ({ root, text, tokens, wanted }: Place): string => {
  let depth = tokens.length - 1
  while (depth > 0 && nodeAt(root, tokens.slice(0, depth)) === undefined) depth--
  const path = tokens.slice(0, depth)
  return replaceNode(text, nearestNode(root, path), lookup(wanted, path))
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
