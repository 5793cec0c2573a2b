/**
 * Texts without their secrets. A secret is what the schema declares as one; the values of keys that the schema does not know count as
 * secrets too, because nobody can tell. What a schema leaves open (`Unknown`, `Any`) is shown. Comments cannot be known: those that repeat a
 * secret, name its key or hold something like a credential are replaced as well.
 */
import { Result } from "effect"
import type { Tokens } from "../../JsonPointer.ts"
import { absent, isObject, lookup } from "../Json.ts"
import { commentEnd, stringEnd } from "./Characters.ts"
import { equivalent } from "./Difference.ts"
import type { Finding } from "./Problems.ts"
import type { Shapes, View } from "./Shape.ts"
import { depthExceeded, parse } from "./Text.ts"
import { type Node, nodeAt, treeOf } from "./Tree.ts"

interface Secret {
  readonly node: Node
  readonly key: string
  /** Not declared by the schema: a value under an unknown key. */
  readonly undeclared: boolean
}

/** The text with each secret replaced by `marker`; nothing but the marker if it cannot be parsed. */
export const redactText = (shapes: Shapes, text: string, marker: string): string => {
  const secrets = secretsOf(shapes, text)
  return secrets === undefined ? JSON.stringify(marker) : blankOut(text, secrets, "everybody", marker)
}

/**
 * The text without those of its secrets that `keep` does not have. What stands under an unknown key stays, unless `before` declares it as a
 * secret: it was misspelt once. `isCurrent`: the schema describes this text's version.
 */
export const redactRotated = (shapes: Shapes, text: string, { before, isCurrent, keep, marker }: Rotation): string => {
  const kept = secretsOf(shapes, keep)
  if (kept === undefined) return text
  const secrets = secretsOf(shapes, text)
  if (secrets === undefined) return JSON.stringify(marker)
  const known = new Set(kept.flatMap(({ node }) => scalarsOf(node)))
  const declared = (secretsOf(shapes, before) ?? []).filter(({ undeclared }) => !undeclared)
  const rotated = new Set(declared.flatMap(({ node }) => scalarsOf(node)))
  const old = !isCurrent(text)
  const gone = secrets.filter(({ node, undeclared }) => {
    const missing = scalarsOf(node).filter((scalar) => !known.has(scalar))
    return old || !undeclared ? missing.length > 0 : missing.some((scalar) => rotated.has(scalar))
  })
  return gone.length === 0 ? text : blankOut(text, gone, "history", marker)
}

interface Rotation {
  readonly keep: string
  readonly before: string
  readonly marker: string
  readonly isCurrent: (text: string) => boolean
}

const secretsOf = (shapes: Shapes, text: string): ReadonlyArray<Secret> | undefined => {
  if (Result.isFailure(parse(text)) || depthExceeded(text) !== -1) return undefined
  const root = treeOf(text)
  if (root === undefined) return undefined
  const found: Array<Secret> = []
  visit(shapes, shapes.root, root, "", found)
  return found
}

const visit = (shapes: Shapes, view: View, node: Node, key: string, found: Array<Secret>): void => {
  if (node.type === "null") return
  const wrongPlace = node.type !== "object" && node.type !== "array" && shapes.hasSecret(view)
  if (view.length === 0 || view.some((shape) => shape.secret) || wrongPlace) {
    found.push({ node, key, undeclared: view.length === 0 })
    return
  }
  if (view.some((shape) => shape.open && shape.encoded)) return
  if (node.type === "array") {
    for (const [index, child] of (node.children ?? []).entries()) {
      visit(shapes, shapes.step(view, String(index)), child, key, found)
    }
  }
  if (node.type !== "object") return
  for (const property of node.children ?? []) {
    const name = String(property.children?.[0]?.value)
    const value = property.children?.[1]
    if (value === undefined || (key === "" && node.parent === undefined && name === "version")) continue
    visit(shapes, shapes.step(view, name), value, name, found)
  }
}

const scalarsOf = (node: Node): ReadonlyArray<string> =>
  node.type === "object" || node.type === "array"
    ? (node.children ?? []).flatMap(scalarsOf)
    : node.type === "property"
      ? scalarsOf(node.children![1]!)
      : [JSON.stringify(node.value)]

type Gap = readonly [from: number, to: number, text: string]

/** Who reads the text: everybody must not see what looks like a secret either; the history keeps what is not one of these. */
type Reader = "everybody" | "history"

const blankOut = (text: string, secrets: ReadonlyArray<Secret>, reader: Reader, marker: string): string =>
  replaceGaps(text, [
    ...secrets.map(({ node }): Gap => [node.offset, node.offset + node.length, JSON.stringify(marker)]),
    ...tellingComments(text, secrets, reader).map(([from, to]): Gap => [from, to, commentMarker(text, from, marker)]),
  ])

const commentMarker = (text: string, from: number, marker: string): string =>
  text.startsWith("//", from) ? `// ${marker}` : `/* ${marker} */`

const replaceGaps = (text: string, gaps: ReadonlyArray<Gap>): string => {
  let result = ""
  let copied = 0
  for (const [from, to, replacement] of gaps.toSorted((left, right) => left[0] - right[0])) {
    result += text.slice(copied, from) + replacement
    copied = to
  }
  return result + text.slice(copied)
}

/** Comments that may tell a secret. */
const tellingComments = (
  text: string,
  secrets: ReadonlyArray<Secret>,
  reader: Reader,
): ReadonlyArray<readonly [from: number, to: number]> => {
  const comments = commentsOf(text)
  if (comments.length === 0) return comments
  const values = new Set<string>()
  for (const { node } of secrets) {
    for (const scalar of scalarsOf(node)) {
      const plain: unknown = JSON.parse(scalar)
      if (typeof plain === "string" && plain.length >= 4) values.add(plain)
    }
  }
  const keys = new Set(secrets.filter((secret) => !secret.undeclared && secret.key !== "").map((secret) => secret.key))
  return comments.filter(([from, to]) => {
    if (secrets.some(({ node }) => node.offset <= from && to <= node.offset + node.length)) return false
    const comment = text.slice(from, to)
    return (
      [...values].some((value) => comment.includes(value)) ||
      (reader === "everybody" && (credential.test(comment) || [...keys].some((key) => comment.includes(key))))
    )
  })
}

/** Long runs of letters and digits are what keys and tokens look like. Only from a run's start: from each of its letters takes the square of its length. */
const credential = /(?<![\w+/.=-])(?=[\w+/.=-]*\d)(?=[\w+/.=-]*[A-Za-z])[\w+/.=-]{16,}/

const commentsOf = (text: string): ReadonlyArray<readonly [from: number, to: number]> => {
  const found: Array<readonly [number, number]> = []
  for (let offset = 0; offset < text.length; offset++) {
    const character = text[offset]
    if (character === '"') offset = stringEnd(text, offset) - 1
    else if (character === "/") {
      const end = commentEnd(text, offset)
      if (end === -1) continue
      found.push([offset, end])
      offset = end - 1
    }
  }
  return found
}

/** A value in which markers are replaced by what `stored` has at the same places. */
export const restoreValue = (
  value: unknown,
  stored: unknown,
  path: Tokens,
  marker: string,
  missing: Array<Finding>,
): unknown => {
  if (value === marker) {
    if (stored !== absent && stored !== undefined) return stored
    const message = "no secret is stored at this path: write the value itself in place of the marker"
    missing.push({ by: "schema", path, message, at: "value" })
    return value
  }
  if (Array.isArray(value)) {
    return value.map((element, index) => {
      if (!holds(element, marker)) return element
      return restoreValue(
        element,
        matchElement(value, index, stored, marker),
        [...path, String(index)],
        marker,
        missing,
      )
    })
  }
  if (!isObject(value) || !holds(value, marker)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      restoreValue(inner, lookup(stored, [key]), [...path, key], marker, missing),
    ]),
  )
}

/** Array elements move: one with markers gets its secrets from the one stored element that it equals besides them, by position only among equals. */
const matchElement = (elements: ReadonlyArray<unknown>, index: number, stored: unknown, marker: string): unknown => {
  if (!Array.isArray(stored)) return absent
  const fitting = stored.filter((candidate) => fitsMarked(elements[index], candidate, marker))
  if (fitting.length === 1 && elements[index] !== marker) return fitting[0]
  const inPlace = elements.length === stored.length && fitsMarked(elements[index], stored[index], marker)
  return inPlace ? stored[index] : absent
}

const fitsMarked = (marked: unknown, stored: unknown, marker: string): boolean => {
  if (marked === marker) return true
  if (Array.isArray(marked)) {
    return (
      Array.isArray(stored) &&
      marked.length === stored.length &&
      marked.every((element, index) => fitsMarked(element, stored[index], marker))
    )
  }
  if (!isObject(marked)) return equivalent(marked, stored)
  return (
    isObject(stored) &&
    Object.keys(marked).length === Object.keys(stored).length &&
    Object.keys(marked).every((key) => Object.hasOwn(stored, key) && fitsMarked(marked[key], stored[key], marker))
  )
}

export const holds = (value: unknown, marker: string): boolean =>
  value === marker ||
  (Array.isArray(value)
    ? value.some((element) => holds(element, marker))
    : isObject(value) && Object.values(value).some((inner) => holds(inner, marker)))

/** A text in which markers are replaced by what `stored` has at the same paths; comments too, where all of them are still there. */
export const restoreText = (
  shapes: Shapes,
  text: string,
  value: unknown,
  stored: { readonly text: string; readonly value: unknown },
  marker: string,
): Result.Result<string, ReadonlyArray<Finding>> => {
  const missing: Array<Finding> = []
  const restored = holds(value, marker) ? restoreValue(value, stored.value, [], marker, missing) : value
  const gaps: Array<Gap> = [...restoredComments(shapes, text, stored.text, marker)]
  const storedRoot = restored === value ? undefined : treeOf(stored.text)
  const fill = (node: Node, path: Tokens, counts: boolean): void => {
    const children = node.children ?? []
    if (node.type === "object") {
      const last = new Map(children.map((child) => [String(child.children![0]!.value), child]))
      for (const child of children) {
        const key = String(child.children![0]!.value)
        fill(child.children![1]!, [...path, key], counts && last.get(key) === child)
      }
    } else for (const [index, child] of children.entries()) fill(child, [...path, String(index)], counts)
    if (node.type !== "string" || node.value !== marker) return
    if (!counts) {
      const message = "this secret does not count, because a key on the way to it stands again: remove it"
      return void missing.push({ by: "schema", path, message, at: "value" })
    }
    gaps.push([node.offset, node.offset + node.length, spelling(stored.text, storedRoot, path, lookup(restored, path))])
  }
  const root = restored !== value || text.includes(marker) ? treeOf(text) : undefined
  if (root !== undefined && missing.length === 0) fill(root, [], true)
  return missing.length > 0 ? Result.fail(missing) : Result.succeed(replaceGaps(text, gaps))
}

/** A value as the stored text spells it, comments and all. */
const spelling = (text: string, root: Node | undefined, path: Tokens, value: unknown): string => {
  const node = root === undefined ? undefined : nodeAt(root, path)
  const spelled = node === undefined ? "" : text.slice(node.offset, node.offset + node.length)
  const parsed = parse(spelled, "comments")
  return Result.isSuccess(parsed) && equivalent(parsed.success.value, value) ? spelled : JSON.stringify(value)
}

/** The n-th hidden comment is the n-th one that was hidden, as long as none has come or gone. */
const restoredComments = (shapes: Shapes, text: string, stored: string, marker: string): ReadonlyArray<Gap> => {
  const hidden = commentsOf(text).filter(([from, to]) => text.slice(from, to) === commentMarker(text, from, marker))
  if (hidden.length === 0) return []
  const secrets = secretsOf(shapes, stored) ?? []
  const originals = tellingComments(stored, secrets, "everybody").map(([from, to]) => stored.slice(from, to))
  if (originals.length !== hidden.length) return []
  return hidden.flatMap(([from, to], index): ReadonlyArray<Gap> => {
    const original = originals[index]!
    return original.slice(0, 2) === text.slice(from, from + 2) ? [[from, to, original]] : []
  })
}
