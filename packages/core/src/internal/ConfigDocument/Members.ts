/** Decodes structs and records member by member. A part that was decoded before is looked up by its input, which is frozen and shared. */
import type { Tokens } from "../../JsonPointer.ts"
import { absent, isObject, member, type PlainObject, put } from "../Json.ts"
import { membersOf, objectOf } from "../StructuralSharing.ts"
import { kindOf, type ProblemList } from "./Problems.ts"

/** What one part of the document decodes to; `absent` for a key that does not exist. */
export interface Decoded {
  readonly output: unknown
  /** The part encoded again: defaults filled in, secrets wrapped. */
  readonly effective: unknown
  /** Keys below this part that the schema does not know. */
  readonly unknown: ReadonlyArray<Tokens>
}

/** Returns `undefined` where decoding fails, and adds to `problems` why. `path` leads to the input; a decoder restores it. */
export type Decode = (input: unknown, path: Array<string>, problems: ProblemList) => Decoded | undefined

/** Adds to `problems` what is wrong with a decoded struct or record. */
export type Check = (output: PlainObject, input: unknown, path: Tokens, problems: ProblemList) => boolean

export const noKeys: ReadonlyArray<Tokens> = []

/** Decodes each input once while it is alive. Unchanged parts of a document are the same inputs, so only changed ones are decoded. */
export const remembered = (decode: Decode): Decode => {
  const known = new WeakMap<object, Decoded>()
  return (input, path, problems) => {
    if (typeof input !== "object" || input === null) return decode(input, path, problems)
    const found = known.get(input)
    if (found !== undefined) return found
    const decoded = decode(input, path, problems)
    if (decoded !== undefined) known.set(input, decoded)
    return decoded
  }
}

const refuse = (input: unknown, path: Tokens, problems: ProblemList): undefined => {
  const message =
    input === absent
      ? `is missing: add the key ${JSON.stringify(path.at(-1) ?? "")}`
      : `must be an object in braces, not ${kindOf(input)}`
  problems.add({ by: "schema", path: [...path], message, at: "value" })
}

export interface Field {
  /** As the document spells it. */
  readonly key: string
  /** As the decoded side calls it. */
  readonly name: string
  readonly decode: Decode
}

export const structDecoder = (fields: ReadonlyArray<Field>, check: Check | undefined): Decode => {
  const keys = new Set(fields.map(({ key }) => key))
  return (input, path, problems) => {
    if (!isObject(input)) return refuse(input, path, problems)
    const output: Record<string, unknown> = {}
    const effective: Record<string, unknown> = {}
    const unknown: Array<Tokens> = []
    let complete = true
    for (const { decode, key, name } of fields) {
      path.push(key)
      const decoded = decode(member(input, key), path, problems)
      path.pop()
      if (decoded === undefined) {
        complete = false
        continue
      }
      if (decoded.output !== absent) put(output, name, decoded.output)
      if (decoded.effective !== absent) put(effective, key, decoded.effective)
      for (const tokens of decoded.unknown) unknown.push([key, ...tokens])
    }
    for (const key of Object.keys(input)) if (!keys.has(key)) unknown.push([key])
    if (!complete) return undefined
    const decoded = twinOf(output, input)
    if (check !== undefined && !check(decoded, input, path, problems)) return undefined
    return {
      output: decoded,
      effective: twinOf(effective, decoded, input),
      unknown: unknown.length === 0 ? noKeys : unknown,
    }
  }
}

export const recordDecoder =
  (decode: Decode, check: Check | undefined): Decode =>
  (input, path, problems) => {
    if (!isObject(input)) return refuse(input, path, problems)
    const { keys, values } = membersOf(input)
    const outputs = new Array<unknown>(keys.length)
    const effectives = new Array<unknown>(keys.length)
    const unknown: Array<Tokens> = []
    let complete = true
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index]!
      path.push(key)
      const decoded = decode(values[index], path, problems)
      path.pop()
      if (decoded === undefined) {
        complete = false
        continue
      }
      outputs[index] = decoded.output
      effectives[index] = decoded.effective
      for (const tokens of decoded.unknown) unknown.push([key, ...tokens])
    }
    if (!complete) return undefined
    const output = sameMembers(outputs, values) ? input : objectOf({ keys, values: outputs })
    if (check !== undefined && !check(output, input, path, problems)) return undefined
    const twin = sameMembers(effectives, outputs) ? output : sameMembers(effectives, values) ? input : undefined
    return { output, effective: twin ?? objectOf({ keys, values: effectives }), unknown }
  }

const sameMembers = (left: ReadonlyArray<unknown>, right: ReadonlyArray<unknown>): boolean => {
  for (let index = 0; index < left.length; index++) if (!Object.is(left[index], right[index])) return false
  return true
}

/** The first candidate with the very same members in the same order, or the object itself, frozen. */
const twinOf = (object: PlainObject, ...candidates: ReadonlyArray<PlainObject>): PlainObject => {
  const keys = Object.keys(object)
  const isTwin = (candidate: PlainObject): boolean => {
    const others = Object.keys(candidate)
    return (
      others.length === keys.length &&
      keys.every((key, index) => others[index] === key && Object.is(candidate[key], object[key]))
    )
  }
  return candidates.find(isTwin) ?? Object.freeze(object)
}
