/** Decodes structs and records member by member. A part that was decoded before is looked up by its input, which is frozen and shared. */
import type { Tokens } from "../../JsonPointer.ts"
import { absent, isObject, member, type PlainObject, put } from "../Json.ts"
import { membersOf, objectOf } from "../StructuralSharing.ts"
import { kindOf, missing, type ProblemList } from "./Problems.ts"

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

export interface Decoder {
  readonly decode: Decode
  /** Whether a value decodes to itself and is encoded so. May be false for such a value, too. */
  readonly accepts: (value: unknown) => boolean
}

/** Adds to `problems` what is wrong with a decoded struct or record. */
export type Check = (output: PlainObject, input: unknown, path: Tokens, problems: ProblemList) => boolean

export const noKeys: ReadonlyArray<Tokens> = []

/** Decodes each input once while it is alive. Unchanged parts of a document are the same inputs, so only changed ones are decoded. */
export const remembered = (decode: Decode, hasConstantDefault: boolean): Decode => {
  const known = new WeakMap<object, Decoded>()
  return (input, path, problems) => {
    const key = input === absent && hasConstantDefault ? ofDefault : input
    if (typeof key !== "object" || key === null) return decode(input, path, problems)
    const found = known.get(key)
    if (found !== undefined) return found
    const decoded = decode(input, path, problems)
    if (decoded !== undefined) known.set(key, decoded)
    return decoded
  }
}

const ofDefault = {}

const refuse = (input: unknown, path: Tokens, problems: ProblemList): undefined => {
  const message = input === absent ? missing(path) : `must be an object in braces, not ${kindOf(input)}`
  problems.add({ by: "schema", path: [...path], message, at: "value" })
}

export interface Field extends Decoder {
  /** As the document spells it. */
  readonly key: string
  /** As the decoded side calls it. */
  readonly name: string
}

export const structDecoder = (fields: ReadonlyArray<Field>, check: Check | undefined): Decode => {
  const declared = new Set(fields.map(({ key }) => key))
  return (input, path, problems) => {
    if (!isObject(input)) return refuse(input, path, problems)
    const output: Record<string, unknown> = {}
    const effective: Record<string, unknown> = {}
    const unknown: Array<Tokens> = []
    let isComplete = true
    for (const { accepts, decode, key, name } of fields) {
      const value = member(input, key)
      if (accepts(value)) {
        put(output, name, value)
        put(effective, key, value)
        continue
      }
      path.push(key)
      const decoded = decode(value, path, problems)
      path.pop()
      if (decoded === undefined) isComplete = false
      else {
        if (decoded.output !== absent) put(output, name, decoded.output)
        if (decoded.effective !== absent) put(effective, key, decoded.effective)
        for (const tokens of decoded.unknown) unknown.push([key, ...tokens])
      }
    }
    for (const key in input) if (!declared.has(key)) unknown.push([key])
    if (!isComplete || check?.(Object.freeze(output), input, path, problems) === false) return undefined
    const keys = unknown.length === 0 ? noKeys : unknown
    return { output: Object.freeze(output), effective: Object.freeze(effective), unknown: keys }
  }
}

export const recordDecoder =
  ({ accepts, decode }: Decoder, check: Check | undefined): Decode =>
  (input, path, problems) => {
    if (!isObject(input)) return refuse(input, path, problems)
    const { keys, values } = membersOf(input)
    const outputs = [...values]
    const effectives = [...values]
    const unknown: Array<Tokens> = []
    let isComplete = true
    for (let index = 0; index < keys.length; index++) {
      if (accepts(values[index])) continue
      const key = keys[index]!
      path.push(key)
      const decoded = decode(values[index], path, problems)
      path.pop()
      if (decoded === undefined) isComplete = false
      else {
        outputs[index] = decoded.output
        effectives[index] = decoded.effective
        for (const tokens of decoded.unknown) unknown.push([key, ...tokens])
      }
    }
    if (!isComplete) return undefined
    const output = objectOf({ keys, values: outputs })
    if (check?.(output, input, path, problems) === false) return undefined
    return { output, effective: objectOf({ keys, values: effectives }), unknown }
  }
