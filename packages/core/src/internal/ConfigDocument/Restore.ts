/** Puts stored secrets back in place of redaction markers, in values and in whole texts. */
import { Result } from "effect"
import type { Tokens } from "../../JsonPointer.ts"
import { absent, isObject, lookup } from "../Json.ts"
import { redactionMarker } from "../RedactionMarker.ts"
import { commentsOf, type Gap, replaceGaps } from "./Characters.ts"
import { equivalent } from "./Difference.ts"
import { outlineOf, type Part, partsAt } from "./Outline.ts"
import type { ProblemList } from "./Problems.ts"
import { commentMarker, secretsOf, tellingComments } from "./Redact.ts"
import type { Shapes } from "./Shape.ts"
import { parse } from "./Text.ts"

/** The value with each marker replaced by what `stored` has at the same path; the value itself if it holds none. */
export const restoreValue = (value: unknown, stored: unknown, path: Tokens, problems: ProblemList): unknown => {
  const marked = new Set<unknown>([redactionMarker])
  const comparisons: Comparisons = { left: maxComparisons }
  const mark = (inner: unknown): boolean => {
    if (typeof inner !== "object" || inner === null) return inner === redactionMarker
    let holds = false
    for (const element of Object.values(inner)) if (mark(element)) holds = true
    if (holds) marked.add(inner)
    return holds
  }
  const restore = (inner: unknown, original: unknown, where: Tokens): unknown => {
    if (!marked.has(inner)) return inner
    if (Array.isArray(inner)) {
      return inner.map((element, index) =>
        marked.has(element)
          ? restore(element, matchingElement(inner, index, original, comparisons), [...where, String(index)])
          : element,
      )
    }
    if (isObject(inner)) {
      return Object.fromEntries(
        Object.entries(inner).map(([key, element]) => [
          key,
          restore(element, lookup(original, [key]), [...where, key]),
        ]),
      )
    }
    if (original !== absent && original !== undefined) return original
    const message = "no secret is stored at this path: write the value itself in place of the marker"
    problems.add({ by: "schema", path: where, message, at: "value" })
    return inner
  }
  mark(value)
  return restore(value, stored, path)
}

/**
 * The stored element that an element with markers gets its secrets from. Elements move, so it is the only one that is equal besides the
 * markers. Among several, between bare markers and in long arrays only the position counts.
 */
const matchingElement = (
  elements: ReadonlyArray<unknown>,
  index: number,
  stored: unknown,
  comparisons: Comparisons,
): unknown => {
  if (!Array.isArray(stored)) return absent
  const element = elements[index]
  if (element !== redactionMarker && comparisons.left > 0) {
    const fitting = stored.filter((candidate) => comparisons.left > 0 && fits(element, candidate, comparisons))
    // Without the comparisons of the rest, the only one so far may not be the only one.
    if (fitting.length === 1 && comparisons.left > 0) return fitting[0]
  }
  const atIndex = elements.length === stored.length ? stored[index] : absent
  return fits(element, atIndex, { left: 0 }) ? atIndex : absent
}

/** Values and keys that may still be compared to find out which element moved where: a second for one text. */
interface Comparisons {
  left: number
}

const maxComparisons = 5_000_000

/** Whether a value with markers equals a stored value, where a marker equals everything. */
const fits = (marked: unknown, stored: unknown, comparisons: Comparisons): boolean => {
  comparisons.left--
  if (marked === redactionMarker) return true
  if (Array.isArray(marked)) {
    return (
      Array.isArray(stored) &&
      marked.length === stored.length &&
      marked.every((element, index) => fits(element, stored[index], comparisons))
    )
  }
  if (!isObject(marked)) return equivalent(marked, stored)
  const keys = Object.keys(marked)
  comparisons.left -= keys.length
  return (
    isObject(stored) &&
    keys.length === Object.keys(stored).length &&
    keys.every((key) => Object.hasOwn(stored, key) && fits(marked[key], stored[key], comparisons))
  )
}

interface Document {
  readonly text: string
  readonly value: unknown
}

/** The text with each marker replaced by what `stored` has at the same path. Comments return too, as long as all of them are still there. */
export const restoreText = (
  shapes: Shapes,
  { text, value }: Document,
  stored: Document,
  problems: ProblemList,
): string => {
  const gaps: Array<Gap> = [...restoredComments(shapes, text, stored.text)]
  const restored = restoreValue(value, stored.value, [], problems)
  const source = outlineOf(stored.text)
  const path: Array<string> = []
  const fill = (part: Part, counts: boolean): void => {
    if (part.kind === "scalar" && part.spelled === JSON.stringify(redactionMarker)) {
      if (counts) gaps.push([part.start, part.end, spelling(source, path, lookup(restored, path))])
      else {
        const message = "this secret does not count, because a key on the way to it occurs again: remove it"
        problems.add({ by: "schema", path: [...path], message, at: "value" })
      }
    }
    const last = new Map(part.all.map((item) => [item.key, item]))
    for (const item of part.items) {
      path.push(item.key)
      fill(item, counts && last.get(item.key) === item)
      path.pop()
    }
  }
  if (problems.count === 0 && text.includes(redactionMarker)) fill(outlineOf(text), true)
  return problems.count > 0 ? text : replaceGaps(text, gaps)
}

/** A value as the stored text spells it, comments included, if the stored text has that value. */
const spelling = (stored: Part, path: Tokens, value: unknown): string => {
  const parts = partsAt(stored, path)
  const spelled = parts.length > path.length ? parts.at(-1)!.spelled : undefined
  const parsed = spelled === undefined ? undefined : parse(spelled)
  return parsed !== undefined && Result.isSuccess(parsed) && equivalent(parsed.success, value)
    ? spelled!
    : JSON.stringify(value)
}

/** The n-th comment marker stands for the n-th comment that was replaced, unless their numbers differ. */
const restoredComments = (shapes: Shapes, text: string, stored: string): ReadonlyArray<Gap> => {
  const hidden = commentsOf(text).filter(([from, to]) => text.slice(from, to) === commentMarker(text, from))
  if (hidden.length === 0) return []
  const secrets = secretsOf(shapes, stored) ?? []
  const originals = tellingComments(stored, secrets, "public").map(([from, to]) => stored.slice(from, to))
  if (originals.length !== hidden.length) return []
  return hidden.flatMap(([from, to], index): ReadonlyArray<Gap> => {
    const original = originals[index]!
    return original.slice(0, 2) === text.slice(from, from + 2) ? [[from, to, original]] : []
  })
}
