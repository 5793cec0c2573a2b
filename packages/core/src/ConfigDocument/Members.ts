/**
 * Structs and records, decoded member by member. What has not changed keeps its state, and with it the identity of all that came out of it.
 */
import {
  absent,
  isObject,
  keepShallow,
  keysOf,
  member,
  type PlainObject,
  put,
  rememberKeys,
  replaceMember,
  type Tokens,
} from "./Json.ts"
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
  /** A record's keys and what stands under them, in the same order. */
  readonly members: { readonly keys: ReadonlyArray<string>; readonly values: ReadonlyArray<unknown> } | undefined
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

/** The state of one member of a record; only deep ones have been kept as such. */
const memberState = (previous: State, key: string, index: number): State =>
  previous.parts?.get(key) ?? {
    input: previous.members!.values[index],
    output: (previous.output as PlainObject)[key],
    effective: (previous.effective as PlainObject)[key],
    unknown: noUnknown,
    ...shallow,
  }

const decodeMembers = (
  codec: Codec,
  input: PlainObject,
  previous: State | undefined,
  path: Array<string>,
  findings: Findings,
): State | undefined => {
  const keys = keysOf(input)
  const before = previous?.members?.keys ?? []
  const beforeValues = previous?.members?.values ?? []
  const values = new Array<unknown>(keys.length)
  const changed = new Map<string, State>()
  let aligned = before.length === keys.length
  let broken = false
  let indexes: ReadonlyMap<string, number> | undefined
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]!
    const value = input[key]
    values[index] = value
    let at = index
    if (before[index] !== key) {
      aligned = false
      indexes ??= new Map(before.map((name, place) => [name, place]))
      at = indexes.get(key) ?? -1
    }
    if (at !== -1 && Object.is(beforeValues[at], value)) continue
    const was = previous === undefined || at === -1 ? undefined : memberState(previous, key, at)
    const state = within(path, key, () => codec.decode(value, was, path, findings))
    if (state === undefined) broken = true
    else changed.set(key, state)
  }
  if (broken) return undefined
  const unknown = unknownOf(previous, changed, path.length, (key) => Object.hasOwn(input, key))
  const parts = codec.deep ? partsOf(keys, previous, changed) : undefined
  const output = collect(keys, previous, changed, "output", aligned, "input", input)
  const effective = collect(keys, previous, changed, "effective", aligned, "output", output)
  return { input, output, effective, unknown, parts, members: { keys, values } }
}

const patchMember = (
  codec: Codec,
  previous: State,
  change: Change,
  path: Array<string>,
  findings: Findings,
): State | undefined => {
  if (previous.members === undefined) return undefined
  const { keys, values } = previous.members
  const key = change.tokens[change.depth]!
  const likely = change.indexes[change.depth]!
  const index = keys[likely] === key ? likely : keys.indexOf(key)
  if (index === -1) return undefined
  const was = memberState(previous, key, index)
  const state = follow(codec, was, change, path, findings)
  if (state === undefined) return undefined
  const changed = new Map([[key, state]])
  const unknown = unknownOf(previous, changed, path.length, () => true)
  const before = previous.output as PlainObject
  const output = Object.is(state.output, was.output) ? before : replaceMember(before, keys, key, state.output)
  const effectiveBefore = previous.effective as PlainObject
  const twins = effectiveBefore === before && Object.is(state.effective, state.output)
  const effective = Object.is(state.effective, was.effective)
    ? effectiveBefore
    : twins
      ? output
      : replaceMember(effectiveBefore, keys, key, state.effective)
  return {
    // where the document's record was the decoded one, it is so again
    input: previous.input === before && Object.is(state.output, state.input) ? output : stale,
    output,
    effective,
    unknown,
    parts: previous.parts === undefined ? undefined : new Map(previous.parts).set(key, state),
    members: { keys, values: values.with(index, state.input) },
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

type Side = "input" | "output" | "effective"

/** The record of one side: the one of before if no member changed, the twin's if it has the very same members, else a new one. */
const collect = (
  keys: ReadonlyArray<string>,
  previous: State | undefined,
  changed: ReadonlyMap<string, State>,
  side: Side,
  aligned: boolean,
  twinSide: Side,
  twin: PlainObject,
): PlainObject => {
  const before = previous?.[side] as PlainObject | undefined
  if (before !== undefined && aligned && every(changed, (key, state) => Object.is(state[side], before[key]))) {
    return before
  }
  // members that did not change were the same on both sides if the two records were one
  const unchangedSame = before !== undefined && before === previous?.[twinSide]
  const twins =
    every(changed, (key, state) => Object.is(state[side], twin[key])) &&
    (unchangedSame || keys.every((key) => changed.has(key) || Object.is(before![key], twin[key])))
  if (twins) return twin
  const [only] = changed
  if (before !== undefined && aligned && changed.size === 1)
    return replaceMember(before, keys, only![0], only![1][side])
  const record: Record<string, unknown> = {}
  for (const key of keys) {
    const state = changed.get(key)
    record[key] = state === undefined ? before![key] : state[side]
  }
  rememberKeys(record, keys)
  return Object.freeze(record)
}

const every = (states: ReadonlyMap<string, State>, holds: (key: string, state: State) => boolean): boolean => {
  for (const [key, state] of states) if (!holds(key, state)) return false
  return true
}
