/**
 * Texts without their secrets. A secret is what the schema declares as one. Values under keys that the schema does not know count as secrets
 * too, and values that a schema leaves open (`Unknown`, `Any`) do not. Comments that repeat a secret, name its key or hold something
 * like a credential are replaced as well.
 */
import { Result } from "effect"
import { type Node, parseTree } from "jsonc-parser"
import { isDeeperThan, maxDepth } from "../Json.ts"
import { redactionMarker } from "../RedactionMarker.ts"
import { commentsOf } from "./Characters.ts"
import type { Shapes, View } from "./Shape.ts"
import { parse, withoutMark } from "./Text.ts"

interface Secret {
  readonly node: Node
  readonly key: string
  /** A value under a key that the schema does not know. */
  readonly undeclared: boolean
}

/** The syntax tree of a text that parses. It costs several times a parse. */
export const treeOf = (text: string): Node | undefined => parseTree(withoutMark(text), [], { allowTrailingComma: true })

/** The text with the marker in place of each secret; only the marker if the text does not parse. */
export const redactText = (shapes: Shapes, text: string): string => {
  const secrets = secretsOf(shapes, text)
  return secrets === undefined ? JSON.stringify(redactionMarker) : replaceSecrets(text, secrets, "public")
}

/**
 * The text without those of its secrets that `keep` does not have. A value under an unknown key stays, unless `before` has it as a declared
 * secret: then its key was misspelt. `isCurrent` tells whether the schema describes the version of a text.
 */
export const redactRotated = (shapes: Shapes, text: string, { before, isCurrent, keep }: Rotation): string => {
  const kept = secretsOf(shapes, keep)
  if (kept === undefined) return text
  const secrets = secretsOf(shapes, text)
  if (secrets === undefined) return JSON.stringify(redactionMarker)
  const known = new Set(kept.flatMap(({ node }) => scalarsOf(node)))
  const declared = (secretsOf(shapes, before) ?? []).filter(({ undeclared }) => !undeclared)
  const rotated = new Set(declared.flatMap(({ node }) => scalarsOf(node)))
  const isOld = !isCurrent(text)
  const gone = secrets.filter(({ node, undeclared }) => {
    const missing = scalarsOf(node).filter((scalar) => !known.has(scalar))
    return isOld || !undeclared ? missing.length > 0 : missing.some((scalar) => rotated.has(scalar))
  })
  return gone.length === 0 ? text : replaceSecrets(text, gone, "history")
}

interface Rotation {
  readonly keep: string
  readonly before: string
  readonly isCurrent: (text: string) => boolean
}

/** In the order of the text; `undefined` if it does not parse. */
export const secretsOf = (shapes: Shapes, text: string): ReadonlyArray<Secret> | undefined => {
  const parsed = parse(text)
  if (Result.isFailure(parsed) || isDeeperThan(parsed.success, maxDepth)) return undefined
  const root = treeOf(text)
  if (root === undefined) return undefined
  const found: Array<Secret> = []
  collectSecrets(shapes, shapes.root, root, "", found)
  return found
}

const collectSecrets = (shapes: Shapes, view: View, node: Node, key: string, found: Array<Secret>): void => {
  if (node.type === "null") return
  const wrongPlace = node.type !== "object" && node.type !== "array" && shapes.hasSecret(view)
  if (view.length === 0 || view.some((shape) => shape.secret) || wrongPlace) {
    found.push({ node, key, undeclared: view.length === 0 })
    return
  }
  if (view.some((shape) => shape.open && shape.encoded)) return
  for (const [index, child] of (node.children ?? []).entries()) {
    if (node.type === "array") {
      collectSecrets(shapes, shapes.step(view, String(index)), child, key, found)
      continue
    }
    const name = String(child.children?.[0]?.value)
    const value = child.children?.[1]
    if (value === undefined || (key === "" && node.parent === undefined && name === "version")) continue
    collectSecrets(shapes, shapes.step(view, name), value, name, found)
  }
}

/** The scalars below a node, as JSON. */
const scalarsOf = (node: Node, found: Array<string> = []): ReadonlyArray<string> => {
  if (node.type === "property") scalarsOf(node.children![1]!, found)
  else if (node.children === undefined) found.push(JSON.stringify(node.value))
  else for (const child of node.children) scalarsOf(child, found)
  return found
}

export type Gap = readonly [from: number, to: number, text: string]

/** Readers of a public text must not see anything that looks like a secret. The history keeps what is certainly none of the given secrets. */
type Audience = "public" | "history"

const replaceSecrets = (text: string, secrets: ReadonlyArray<Secret>, audience: Audience): string =>
  replaceGaps(text, [
    ...secrets.map(({ node }): Gap => [node.offset, node.offset + node.length, JSON.stringify(redactionMarker)]),
    ...tellingComments(text, secrets, audience).map(([from, to]): Gap => [from, to, commentMarker(text, from)]),
  ])

export const commentMarker = (text: string, from: number): string =>
  text.startsWith("//", from) ? `// ${redactionMarker}` : `/* ${redactionMarker} */`

export const replaceGaps = (text: string, gaps: ReadonlyArray<Gap>): string => {
  const parts: Array<string> = []
  let copied = 0
  for (const [from, to, replacement] of gaps.toSorted((left, right) => left[0] - right[0])) {
    parts.push(text.slice(copied, from), replacement)
    copied = to
  }
  return parts.join("") + text.slice(copied)
}

/** Comments that may hold a secret. Where comparing all of them would take too long, every comment counts as one. */
export const tellingComments = (
  text: string,
  secrets: ReadonlyArray<Secret>,
  audience: Audience,
): ReadonlyArray<readonly [from: number, to: number]> => {
  const comments = outside(commentsOf(text), secrets)
  if (comments.length === 0) return comments
  const words = new Set<string>()
  for (const { key, node, undeclared } of secrets) {
    for (const scalar of scalarsOf(node)) {
      const plain: unknown = JSON.parse(scalar)
      if (typeof plain === "string" && plain.length >= 4) words.add(plain)
    }
    if (audience === "public" && !undeclared && key !== "") words.add(key)
  }
  const characters = comments.reduce((sum, [from, to]) => sum + to - from, 0)
  if (words.size * characters > maxCompared) return comments
  return comments.filter(([from, to]) => {
    const comment = text.slice(from, to)
    if (audience === "public" && credential.test(comment)) return true
    for (const word of words) if (comment.includes(word)) return true
    return false
  })
}

/** Characters of comments times words: a fraction of a second. */
const maxCompared = 2 ** 28

/** A comment within a secret goes with it. Both lists are in the order of the text. */
const outside = <A extends readonly [from: number, to: number]>(
  comments: ReadonlyArray<A>,
  secrets: ReadonlyArray<Secret>,
): ReadonlyArray<A> => {
  let next = 0
  return comments.filter(([from]) => {
    while (next < secrets.length && secrets[next]!.node.offset + secrets[next]!.node.length <= from) next++
    return next === secrets.length || from < secrets[next]!.node.offset
  })
}

/** Keys and tokens are long runs of letters and digits. A match starts only at the start of a run, so that the test stays linear. */
const credential = /(?<![\w+/.=-])(?=[\w+/.=-]*\d)(?=[\w+/.=-]*[A-Za-z])[\w+/.=-]{16,}/
