/**
 * Structs and records, decoded member by member. What has not changed keeps its state, and with it the identity of all that came out of it.
 */

import type { Tokens } from "../../JsonPointer.ts"
import {
  absent,
  isObject,
  keepShallow,
  keysOf,
  type Members,
  member,
  membersOf,
  objectOf,
  type PlainObject,
  put,
  replaceMember,
} from "../Json.ts"
import { type Findings, kindOf } from "./Problems.ts"

/** What one part of the document was, and became. `absent` stands for a key that is not there. */
export interface State {
  /** `stale` where it was patched and has not been put together again. */
  readonly input: unknown
  readonly output: unknown
  readonly effective: unknown
  /** Keys below that the schema does not know. */
  readonly unknown: ReadonlyArray<Tokens>
  /** The states of members that are decoded member by member themselves. */
  readonly parts: ReadonlyMap<string, State> | undefined
  /** What stood in a record. */
  readonly members: Members | undefined
}

export interface Codec {
  /** Answers nothing where decoding failed; the findings say why. `path` is the codec's to push to and pop from. */
  readonly decode: (
    input: unknown,
    previous: State | undefined,
    path: Array<string>,
    findings: Findings,
  ) => State | undefined
  /** `decode` of what was there with one value replaced, the one at `change.tokens` from `depth` on. Nothing where that has to be done in full. */
  readonly patch: (previous: State, change: Change, path: Array<string>, findings: Findings) => State | undefined
  /** Has parts of its own worth remembering. */
  readonly deep: boolean
}

/** One value replaced by another. */
export interface Change {
  readonly tokens: Tokens
  /** Where each token probably stands among its neighbours. */
  readonly indexes: ReadonlyArray<number>
  readonly depth: number
  readonly value: unknown
  /** Called with how many tokens lead to what was decoded as a whole. */
  readonly reached: (depth: number) => void
}

export const noUnknown: ReadonlyArray<Tokens> = []

/** Never the input of anything. */
export const stale: unique symbol = Symbol("stale")

export const shallow = { parts: undefined, members: undefined } as const

export const absentState: State = { input: absent, output: absent, effective: absent, unknown: noUnknown, ...shallow }

export type Check = (output: unknown, input: unknown, path: Tokens, findings: Findings) => boolean

export interface Field {
  readonly key: string
  readonly name: string
  readonly codec: Codec
}

const refuse = (input: unknown, path: Tokens, findings: Findings): undefined => {
  const message =
    input === absent
      ? `is missing: add the key ${JSON.stringify(path.at(-1) ?? "")}`
      : `must be an object in braces, not ${kindOf(input)}`
  findings.add({ by: "schema", path: [...path], message, at: "value" })
}

const within = <A>(path: Array<string>, key: string, f: () => A): A => {
  path.push(key)
  const result = f()
  path.pop()
  return result
}

/** The member that a change is about, decoded: whole if it is replaced, else patched itself. */
const follow = (codec: Codec, was: State | undefined, change: Change, path: Array<string>, findings: Findings) => {
  const { depth, tokens, value } = change
  change.reached(depth + 1)
  return within(path, tokens[depth]!, () => {
    if (depth + 1 === tokens.length) return codec.decode(value, was, path, findings)
    return was === undefined ? undefined : codec.patch(was, { ...change, depth: depth + 1 }, path, findings)
  })
}

export const structCodec = (fields: ReadonlyArray<Field>, check: Check | undefined): Codec => {
  const byKey = new Map(fields.map((field) => [field.key, field]))

  const assemble = (
    parts: ReadonlyMap<string, State>,
    input: unknown,
    strangers: ReadonlyArray<Tokens>,
    previous: State | undefined,
  ): State => {
    const output: Record<string, unknown> = {}
    const effective: Record<string, unknown> = {}
    const unknown: Array<Tokens> = []
    for (const { key, name } of fields) {
      const state = parts.get(key)!
      if (state.output !== absent) put(output, name, state.output)
      if (state.effective !== absent) put(effective, key, state.effective)
      for (const tokens of state.unknown) unknown.push(tokens)
    }
    unknown.push(...strangers)
    return {
      input,
      output: keepShallow(previous?.output, output),
      effective: keepShallow(previous?.effective, effective),
      unknown: unknown.length === 0 ? noUnknown : unknown,
      parts,
      members: undefined,
    }
  }

  return {
    deep: true,
    decode: (input, previous, path, findings) => {
      if (previous !== undefined && Object.is(previous.input, input)) return previous
      if (!isObject(input)) return refuse(input, path, findings)
      const parts = new Map<string, State>()
      for (const { codec, key } of fields) {
        const state = within(path, key, () =>
          codec.decode(member(input, key), previous?.parts?.get(key), path, findings),
        )
        if (state !== undefined) parts.set(key, state)
      }
      if (parts.size < fields.length) return undefined
      const strangers = keysOf(input)
        .filter((key) => !byKey.has(key))
        .map((key) => [...path, key])
      const state = assemble(parts, input, strangers, previous)
      const fresh = state.output !== previous?.output
      return check === undefined || !fresh || check(state.output, input, path, findings) ? state : undefined
    },
    patch: (previous, change, path, findings) => {
      const key = change.tokens[change.depth]!
      const field = byKey.get(key)
      // the value of an unknown key: nothing knows of it
      if (field === undefined) return { ...previous, input: stale }
      const part = follow(field.codec, previous.parts?.get(key), change, path, findings)
      if (part === undefined) return undefined
      const strangers = previous.unknown.filter(
        (tokens) => tokens.length === path.length + 1 && !byKey.has(tokens.at(-1)!),
      )
      const state = assemble(new Map(previous.parts).set(key, part), stale, strangers, previous)
      const fresh = state.output !== previous.output
      return check === undefined || !fresh || check(state.output, absent, path, findings) ? state : undefined
    },
  }
}

export const recordCodec = (codec: Codec, check: Check | undefined): Codec => ({
  deep: true,
  decode: (input, previous, path, findings) => {
    if (previous !== undefined && Object.is(previous.input, input)) return previous
    if (!isObject(input)) return refuse(input, path, findings)
    const state = decodeMembers(codec, input, previous?.members === undefined ? undefined : previous, path, findings)
    if (state === undefined) return undefined
    const fresh = state.output !== previous?.output
    return check === undefined || !fresh || check(state.output, input, path, findings) ? state : undefined
  },
  patch: (previous, change, path, findings) => {
    const state = patchMember(codec, previous, change, path, findings)
    if (state === undefined) return undefined
    const fresh = state.output !== previous.output
    return check === undefined || !fresh || check(state.output, absent, path, findings) ? state : undefined
  },
})

/** A record's states as columns. The keys of all three are the same, in the same order. */
interface Columns {
  readonly state: State
  readonly keys: ReadonlyArray<string>
  readonly inputs: ReadonlyArray<unknown>
  readonly outputs: ReadonlyArray<unknown>
  readonly effectives: ReadonlyArray<unknown>
}

const columnsOf = (state: State): Columns => ({
  state,
  keys: state.members!.keys,
  inputs: state.members!.values,
  outputs: membersOf(state.output as PlainObject).values,
  effectives: membersOf(state.effective as PlainObject).values,
})

/** The state of one member; only deep ones have been kept as such. */
const memberState = (previous: Columns, index: number): State =>
  previous.state.parts?.get(previous.keys[index]!) ?? {
    input: previous.inputs[index],
    output: previous.outputs[index],
    effective: previous.effectives[index],
    unknown: noUnknown,
    ...shallow,
  }

const decodeMembers = (
  codec: Codec,
  input: PlainObject,
  state: State | undefined,
  path: Array<string>,
  findings: Findings,
): State | undefined => {
  const members = membersOf(input)
  const { keys, values } = members
  const previous = state === undefined ? undefined : columnsOf(state)
  const places = previous === undefined ? undefined : placesOf(keys, previous.keys)
  const changed = new Map<number, State>()
  let broken = false
  for (let index = 0; index < keys.length; index++) {
    const value = values[index]
    const place = places === undefined ? index : places[index]!
    const there = previous !== undefined && place !== -1
    if (there && Object.is(previous.inputs[place], value)) continue
    const key = keys[index]!
    const was = there ? memberState(previous, place) : undefined
    const next = within(path, key, () => codec.decode(value, was, path, findings))
    if (next === undefined) broken = true
    else changed.set(index, next)
  }
  if (broken) return undefined
  const states = new Map([...changed].map(([index, next]) => [keys[index]!, next]))
  const unknown = unknownOf(state, states, path.length, (key) => Object.hasOwn(input, key))
  const aligned = previous !== undefined && places === undefined && previous.keys.length === keys.length
  const column = (side: "outputs" | "effectives", of: "output" | "effective"): ReadonlyArray<unknown> => {
    const before = previous?.[side] ?? []
    if (aligned && every(changed, (index, next) => Object.is(next[of], before[index]))) return before
    const copy = aligned ? [...before] : keys.map((_, index) => before[places === undefined ? index : places[index]!])
    for (const [index, next] of changed) copy[index] = next[of]
    return copy
  }
  const output = record(keys, column("outputs", "output"), state?.output, input)
  const effective = record(keys, column("effectives", "effective"), state?.effective, output)
  return { input, output, effective, unknown, parts: codec.deep ? partsOf(keys, state, states) : undefined, members }
}

/** Where each key stood before, -1 if nowhere; nothing if each stands where it stood. */
const placesOf = (keys: ReadonlyArray<string>, before: ReadonlyArray<string>): Int32Array | undefined => {
  let index = 0
  while (index < keys.length && keys[index] === before[index]) index++
  if (index === keys.length) return undefined
  const places = new Map(before.map((key, place) => [key, place]))
  return Int32Array.from(keys, (key) => places.get(key) ?? -1)
}

/** The object of a column: the one of before or the twin if it has the very same members in the same order, else a new one. */
const record = (
  keys: ReadonlyArray<string>,
  values: ReadonlyArray<unknown>,
  before: unknown,
  twin: PlainObject,
): PlainObject => {
  for (const candidate of [before, twin]) {
    if (!isObject(candidate)) continue
    const known = membersOf(candidate)
    if (sameMembers(known.values, values) && sameMembers(known.keys, keys)) return candidate
  }
  return objectOf({ keys, values })
}

const sameMembers = (left: ReadonlyArray<unknown>, right: ReadonlyArray<unknown>): boolean => {
  if (left === right) return true
  if (left.length !== right.length) return false
  for (let index = 0; index < left.length; index++) if (!Object.is(left[index], right[index])) return false
  return true
}

const patchMember = (
  codec: Codec,
  state: State,
  change: Change,
  path: Array<string>,
  findings: Findings,
): State | undefined => {
  if (state.members === undefined) return undefined
  const previous = columnsOf(state)
  const { keys } = previous
  const key = change.tokens[change.depth]!
  const likely = change.indexes[change.depth]!
  const index = keys[likely] === key ? likely : keys.indexOf(key)
  if (index === -1) return undefined
  const was = memberState(previous, index)
  const next = follow(codec, was, change, path, findings)
  if (next === undefined) return undefined
  const before = state.output as PlainObject
  const effectiveBefore = state.effective as PlainObject
  const output = Object.is(next.output, was.output) ? before : replaceMember(before, index, next.output)
  const twins = effectiveBefore === before && Object.is(next.effective, next.output)
  const replaced = () => (twins ? output : replaceMember(effectiveBefore, index, next.effective))
  return {
    // where the document's record was the decoded one, it is so again
    input: state.input === before && Object.is(next.output, next.input) ? output : stale,
    output,
    effective: Object.is(next.effective, was.effective) ? effectiveBefore : replaced(),
    unknown: unknownOf(state, new Map([[key, next]]), path.length, () => true),
    parts: state.parts === undefined ? undefined : new Map(state.parts).set(key, next),
    members: { keys, values: previous.inputs.with(index, next.input) },
  }
}

const unknownOf = (
  previous: State | undefined,
  changed: ReadonlyMap<string, State>,
  depth: number,
  isThere: (key: string) => boolean,
): ReadonlyArray<Tokens> => {
  const unknown: Array<Tokens> = []
  for (const tokens of previous?.unknown ?? noUnknown) {
    const key = tokens[depth]!
    if (!changed.has(key) && isThere(key)) unknown.push(tokens)
  }
  for (const state of changed.values()) for (const tokens of state.unknown) unknown.push(tokens)
  return unknown.length === 0 ? noUnknown : unknown
}

const partsOf = (keys: ReadonlyArray<string>, previous: State | undefined, changed: ReadonlyMap<string, State>) => {
  const parts = new Map<string, State>()
  for (const key of keys) parts.set(key, changed.get(key) ?? previous!.parts!.get(key)!)
  return parts
}

const every = (states: ReadonlyMap<number, State>, holds: (index: number, state: State) => boolean): boolean => {
  for (const [index, state] of states) if (!holds(index, state)) return false
  return true
}
