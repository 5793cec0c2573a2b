/** An object or array that is being edited: its text and its value, made from what was there before and from what changed. */
import { arrayIndex } from "../../JsonPointer.ts"
import { isObject, lookup, member } from "../Json.ts"
import { type Gap, replaceGaps } from "./Characters.ts"
import { differences, equivalent } from "./Difference.ts"
import { Part } from "./Outline.ts"
import {
  commaIn,
  endOfLine,
  isDenseBehind,
  isTightIn,
  marginIn,
  marginOf,
  remove,
  render,
  type Style,
} from "./Splice.ts"

interface Change {
  /** The text between the item before and this one. */
  readonly lead?: string
  /** The value that was written; its item is part of a text of its own. */
  readonly written?: { readonly value: unknown; readonly behind: number }
  /** Edits below. */
  readonly draft?: Draft
}

export class Draft {
  private readonly part: Part
  private readonly before: unknown
  private readonly style: Style
  private readonly changes = new Map<Part, Change>()
  private readonly removed = new Set<string>()
  private changedTail: string | undefined

  /** `before` is the value of the part. */
  constructor(part: Part, before: unknown, style: Style) {
    this.part = part
    this.before = before
    this.style = style
  }

  /** The first member of that name, or the element. */
  find(token: string): Part | undefined {
    const { items, kind, text } = this.part
    const at = kind === "array" ? (arrayIndex(token) ?? -1) : undefined
    // A second member with a removed key does not count.
    const isRemoved = this.removed.has(token)
    const fits = (item: Part, index: number) =>
      at === undefined ? item.key === token && !(isRemoved && item.text === text) : index === at
    const known = items.find(fits)
    if (known !== undefined || at === -1) return known
    let item = this.part.readItem()
    while (item !== undefined && !fits(item, items.length - 1)) item = this.part.readItem()
    return item
  }

  /** Whether an item that does not exist can be added. */
  takes(token: string): boolean {
    return this.part.kind !== "array" || token === "-" || arrayIndex(token) === this.part.all.length
  }

  /** The draft of an item that is an object or array. */
  open(item: Part): Draft | undefined {
    const change = this.changes.get(item)
    if (change?.draft !== undefined) return change.draft
    const value = this.writtenOrBefore(item)
    if (!(item.kind === "object" ? isObject(value) : item.kind === "array" && Array.isArray(value))) return undefined
    const draft = new Draft(item, value, this.style)
    this.changes.set(item, { ...change, draft })
    return draft
  }

  /** Whether the intended value of an item is this one. */
  holdsAt(item: Part, value: unknown): boolean {
    const { draft } = this.changes.get(item) ?? {}
    return draft === undefined ? equivalent(this.writtenOrBefore(item), value) : draft.holds(value)
  }

  /** Whether the intended value is this one. */
  holds(value: unknown): boolean {
    const { before, changes, part, removed } = this
    if (Array.isArray(before)) {
      const { all } = part
      return (
        Array.isArray(value) && value.length === all.length && all.every((item, at) => this.holdsAt(item, value[at]))
      )
    }
    const edited = Array.from(changes).filter(([, { draft, written }]) => (draft ?? written) !== undefined)
    const changed = new Map(edited.map(([item]) => [item.key, item]))
    return (
      isObject(value) &&
      Array.from(removed).every((key) => changed.has(key) || !Object.hasOwn(value, key)) &&
      Array.from(changed).every(([key, item]) => this.holdsAt(item, member(value, key))) &&
      differences(before, value, Number.POSITIVE_INFINITY).paths.every(
        ([key]) => changed.has(key!) || removed.has(key!),
      )
    )
  }

  /** Adds an item behind the others, in their layout. */
  add(token: string, value: unknown): void {
    const { all, kind, start, text } = this.part
    const { tail } = this
    const { eol, unit } = this.style
    const [first] = all
    const behind = this.behind(all.length)
    const comma = commaIn(tail) + 1
    const isFlat = unit === undefined || (first !== undefined && !this.lead(0).includes("\n"))
    const isTight = isFlat && (first === undefined || isTightIn(first.text.slice(first.offset, first.end)))
    const outer = marginOf(text, start)
    const lastMargin = first === undefined ? undefined : marginIn(this.lead(all.length - 1))
    const margin = isFlat ? marginOf(text, behind) : (lastMargin ?? outer + unit)
    const isDense = isTight || isDenseBehind(all.length > 1 ? this.lead(1) : tail)
    const separator = isFlat ? (isDense ? "" : " ") : eol + margin
    let lead = tail.trimEnd()
    if (first === undefined) this.changedTail = isFlat ? "" : eol + outer
    else {
      const split = isFlat ? comma : endOfLine(tail, comma)
      lead = (comma === 0 ? "," : "") + tail.slice(0, split)
      this.changedTail = (comma === 0 ? "" : ",") + tail.slice(split)
    }
    const head = kind === "array" ? "" : `${JSON.stringify(token)}:${isTight ? "" : " "}`
    const item = writtenPart(token, head, margin, render(value, margin, this.style, isFlat))
    all.push(item)
    this.changes.set(item, { lead: lead + separator, written: { value, behind } })
  }

  replace(item: Part, value: unknown): void {
    const { key, offset, start, text } = item
    const index = this.part.items.indexOf(item)
    const change = { lead: this.lead(index), written: { value, behind: this.behind(index + 1) } }
    const margin = marginOf(text, start)
    const next = writtenPart(key, text.slice(offset, start), margin, render(value, margin, this.style, false))
    this.part.items[index] = next
    this.changes.delete(item)
    this.changes.set(next, change)
  }

  remove(item: Part): void {
    const { items } = this.part
    const index = items.indexOf(item)
    const next = items[index + 1] ?? this.part.readItem()
    const behind = next === undefined ? this.tail : this.lead(index + 1)
    const lead = remove(this.lead(index), behind, index === 0, next === undefined)
    items.splice(index, 1)
    this.changes.delete(item)
    this.removed.add(item.key)
    if (next === undefined) this.changedTail = lead
    else this.changes.set(next, { ...this.changes.get(next), lead })
  }

  /** The text with the edits, from the start of the part's own text or line. */
  get text(): string {
    return replaceGaps(this.part.text, this.gaps())
  }

  private gaps(): Array<Gap> {
    const { changedTail, changes, part } = this
    const gaps: Array<Gap> = []
    for (let index = 0; index < part.items.length; index++) {
      const item = part.items[index]!
      const change = changes.get(item)
      if (change === undefined) continue
      const { draft, lead, written } = change
      if (written !== undefined) {
        const text = (draft?.text ?? item.text).slice(item.offset)
        gaps.push([this.behind(index), written.behind, lead + text])
        continue
      }
      if (lead !== undefined) gaps.push([this.behind(index), item.offset, lead])
      for (const gap of draft?.gaps() ?? []) gaps.push(gap)
    }
    if (changedTail !== undefined) gaps.push([this.behind(part.items.length), part.end - 1, changedTail])
    return gaps
  }

  private writtenOrBefore(item: Part): unknown {
    const written = this.changes.get(item)?.written
    return written === undefined ? lookup(this.before, [item.key]) : written.value
  }

  /** Where the container's own text goes on before the item at an index. */
  private behind(index: number): number {
    const item = this.part.items[index - 1]
    return item === undefined ? this.part.start + 1 : (this.changes.get(item)?.written?.behind ?? item.end)
  }

  /** The text between an item and the one before it. */
  private lead(index: number): string {
    const item = this.part.items[index]!
    return this.changes.get(item)?.lead ?? this.part.text.slice(this.behind(index), item.offset)
  }

  /** The text between the last item and the closing bracket. */
  private get tail(): string {
    const { end, items, text } = this.part
    return this.changedTail ?? text.slice(this.behind(items.length), end - 1)
  }
}

/** An item in a text of its own. The line before it tells how a value below is indented. */
const writtenPart = (key: string, head: string, margin: string, value: string): Part => {
  const offset = margin.length + 1
  return new Part(`\n${margin}${head}${value}`, key, offset, offset + head.length)
}
