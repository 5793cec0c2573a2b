/** From a text to frozen plain JSON, or to what is wrong with it. */
import { Result } from "effect"
import type { Problem } from "../../ConfigError.ts"
import { pointer } from "../../JsonPointer.ts"
import { adopt, findFaults, isObject, maxDepth, type PlainObject } from "../Json.ts"
import { Findings, kindOf, locate } from "./Problems.ts"
import { depthExceeded, type Habit, lines, parse } from "./Text.ts"
import { positions } from "./Tree.ts"

export interface Read {
  readonly value: PlainObject
  readonly habit: Habit
}

/** Shares with `before`, the value of an earlier text, what is equal. `habit`: how that text was written. */
export const readText = (
  text: string,
  before?: { readonly value: PlainObject; readonly habit: Habit },
): Result.Result<Read, ReadonlyArray<Problem>> => {
  const refuse = (offset: number, message: string): Result.Result<never, ReadonlyArray<Problem>> =>
    Result.fail([{ by: "parser", path: "", ...lines(text)(offset), message }])
  const parsed = parse(text, before?.habit)
  if (Result.isFailure(parsed)) return refuse(parsed.failure.offset, parsed.failure.message)
  const check = { faulty: false }
  const value = adopt(parsed.success.value, before?.value, 0, check)
  if (check.faulty) return Result.fail(faultsOf(text, value))
  if (!isObject(value)) return refuse(0, `the document must be an object in braces, not ${kindOf(value)}`)
  return Result.succeed({ value, habit: parsed.success.habit })
}

const faultsOf = (text: string, value: unknown): ReadonlyArray<Problem> => {
  const deep = depthExceeded(text)
  if (deep !== -1) {
    const message = `nested deeper than ${maxDepth} levels: make it flatter`
    return [{ by: "parser", path: pointer([]), ...lines(text)(deep), message }]
  }
  const findings = new Findings()
  for (const { kind, path } of findFaults(value, maxFaults)) {
    const message =
      kind === "number"
        ? "this number is out of range: write a smaller one"
        : "the key __proto__ is not allowed: rename it"
    findings.add({ by: "parser", path, message, at: kind === "number" ? "value" : "key" })
  }
  return locate(findings, positions(text))
}

const maxFaults = 1000
