/**
 * Texts without their secrets: what the schema declares as a secret, what has the form of an API key, and values under keys that the schema does
 * not know. Other values in a part that the schema leaves open (`Unknown`, `Any`) stay. Comments that repeat a secret, name its key or hold
 * something like a credential are replaced as well.
 */
import { Result } from "effect"
import { isProbablySecret, looksLikeSecret } from "../../SecretForms.ts"
import { isDeeperThan, maxDepth } from "../Json.ts"
import { redactionMarker } from "../RedactionMarker.ts"
import { commentsOf, type Gap, type Range, replaceGaps } from "./Characters.ts"
import { outlineOf, type Part } from "./Outline.ts"
import type { Shapes, View } from "./Shape.ts"
import { parse } from "./Text.ts"

interface Secret {
  readonly part: Part
  readonly key: string
  /** A value under a key that the schema does not know, and probably none. */
  readonly undeclared: boolean
}

/** The text with the marker in place of each secret; only the marker if the text does not parse. */
export const redactText = (shapes: Shapes, text: string): string => {
  const secrets = secretsOf(shapes, text)
  return secrets === undefined ? JSON.stringify(redactionMarker) : replaceSecrets(text, secrets, "public")
}

/**
 * The text without those of its secrets that `keep` does not have. A value under an unknown key stays, unless `before` has it as a declared
 * secret or it looks like one: then its key was misspelt. `isCurrent` tells whether the schema describes the version of a text.
 */
export const redactRotated = (shapes: Shapes, text: string, { before, isCurrent, keep }: Rotation): string => {
  const kept = secretsOf(shapes, keep)
  if (kept === undefined) return text
  const secrets = secretsOf(shapes, text)
  if (secrets === undefined) return JSON.stringify(redactionMarker)
  const known = new Set(kept.flatMap(({ part }) => scalarsOf(part)))
  const declared = (secretsOf(shapes, before) ?? []).filter(({ undeclared }) => !undeclared)
  const rotated = new Set(declared.flatMap(({ part }) => scalarsOf(part)))
  const isOld = !isCurrent(text)
  const gone = secrets.filter(({ part, undeclared }) => {
    const missing = scalarsOf(part).filter((scalar) => !known.has(scalar))
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
  const found: Array<Secret> = []
  collectSecrets(shapes, shapes.root, [], outlineOf(text), undefined, found)
  return found
}

/** `parent` is the place that has the part, and `key` is the nearest one on the way to it. */
const collectSecrets = (
  shapes: Shapes,
  view: View,
  parent: View,
  part: Part,
  key: string | undefined,
  found: Array<Secret>,
): void => {
  if (part.text.startsWith("null", part.start)) return
  const looksSecret = part.kind === "scalar" && looksLikeSecret(String(valueOf(part)))
  const isSecret = view.some((shape) => shape.secret) || (part.kind === "scalar" && shapes.hasSecret(view))
  if (view.length === 0 || isSecret || looksSecret) {
    const name = key ?? ""
    const undeclared = view.length === 0 && !looksSecret && !isUnknownSecret(shapes, parent, name, valueOf(part))
    found.push({ part, key: name, undeclared })
    return
  }
  // In a part that the schema leaves open, only the form of a value counts.
  const open = view.filter((shape) => shape.open && shape.encoded)
  for (let item = part.readItem(); item !== undefined; item = part.readItem()) {
    if (key === undefined && item.key === "version") continue
    const inner = open.length > 0 ? open : shapes.step(view, item.key)
    collectSecrets(shapes, inner, view, item, part.kind === "array" ? key : item.key, found)
  }
}

/** Whether the value of a key that the schema does not know is probably a secret. `parent` is the place that has the key. */
export const isUnknownSecret = (shapes: Shapes, parent: View, key: string, value: unknown): boolean => {
  const known = parent.flatMap(({ fields }) => [...fields.keys()])
  const names = known.filter((name) => shapes.step(parent, name).some(({ secret }) => secret))
  return isProbablySecret(key, value, names)
}

const valueOf = (part: Part): unknown => {
  if (part.kind === "scalar") return JSON.parse(part.spelled)
  return part.kind === "array"
    ? part.all.map(valueOf)
    : Object.fromEntries(part.all.map((item) => [item.key, valueOf(item)]))
}

/** The scalars of a part, as JSON. */
const scalarsOf = (part: Part): ReadonlyArray<string> =>
  part.kind === "scalar" ? [JSON.stringify(JSON.parse(part.spelled))] : part.all.flatMap(scalarsOf)

/** Readers of a public text must not see anything that looks like a secret. The history keeps what is certainly none of the given secrets. */
type Audience = "public" | "history"

const replaceSecrets = (text: string, secrets: ReadonlyArray<Secret>, audience: Audience): string =>
  replaceGaps(text, [
    ...secrets.map(({ part }): Gap => [part.start, part.end, JSON.stringify(redactionMarker)]),
    ...tellingComments(text, secrets, audience).map(([from, to]): Gap => [from, to, commentMarker(text, from)]),
  ])

export const commentMarker = (text: string, from: number): string =>
  text.startsWith("//", from) ? `// ${redactionMarker}` : `/* ${redactionMarker} */`

/** Comments that may hold a secret. Where comparing all of them would take too long, every comment counts as one. */
export const tellingComments = (
  text: string,
  secrets: ReadonlyArray<Secret>,
  audience: Audience,
): ReadonlyArray<Range> => {
  const comments = outside(commentsOf(text), secrets)
  if (comments.length === 0) return comments
  const words = new Set<string>()
  for (const { key, part, undeclared } of secrets) {
    for (const scalar of scalarsOf(part)) {
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
const outside = (comments: ReadonlyArray<Range>, secrets: ReadonlyArray<Secret>): ReadonlyArray<Range> => {
  let next = 0
  return comments.filter(([from]) => {
    while (next < secrets.length && secrets[next]!.part.end <= from) next++
    return next === secrets.length || from < secrets[next]!.part.start
  })
}

/** Keys and tokens are long runs of letters and digits. A match starts only at the start of a run, so that the test stays linear. */
const credential = /(?<![\w+/.=-])(?=[\w+/.=-]*\d)(?=[\w+/.=-]*[A-Za-z])[\w+/.=-]{16,}/
