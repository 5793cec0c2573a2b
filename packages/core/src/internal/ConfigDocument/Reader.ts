/** From a text to frozen plain JSON, or to its problems. A reader remembers the last text: an edit, its check and the load of the result parse it once. */
import { Result } from "effect"
import type { Problem } from "../../ConfigError.ts"
import { findFaults, isDeeperThan, isObject, maxDepth, type PlainObject } from "../Json.ts"
import { adopt, type Inspection } from "../StructuralSharing.ts"
import { positionsIn } from "./Outline.ts"
import { kindOf, locate, ProblemList } from "./Problems.ts"
import { type Fault, firstFault, linesOf, parse } from "./Text.ts"

/** Reads a text. What equals `before`, the value of an earlier text, is shared with it. */
export type Read = (text: string, before?: PlainObject) => Result.Result<PlainObject, ReadonlyArray<Problem>>

export const makeReader = (): Read => {
  let last: { readonly text: string; readonly value: PlainObject } | undefined
  return (text, before = last?.value) => {
    if (last?.text === text) return Result.succeed(last.value)
    const read = readText(text, before)
    if (Result.isSuccess(read)) last = { text, value: read.success }
    return read
  }
}

/** Reads a text without remembering it. */
export const readText: Read = (text, before) => {
  const refuse = ({ message, offset }: Fault): Result.Result<never, ReadonlyArray<Problem>> =>
    Result.fail([{ by: "parser", path: "", ...linesOf(text)(offset), message }])
  const parsed = parse(text)
  if (Result.isFailure(parsed)) return refuse(parsed.failure)
  const inspection: Inspection = { isFaulty: false }
  const value = adopt(before, parsed.success, inspection)
  if (inspection.isFaulty) {
    return isDeeperThan(value, maxDepth) ? refuse(firstFault(text)) : Result.fail(faultsIn(text, value))
  }
  if (!isObject(value)) {
    return refuse({ offset: 0, message: `the document must be an object in braces, not ${kindOf(value)}` })
  }
  return Result.succeed(value)
}

const maxFaults = 1000

const faultsIn = (text: string, value: unknown): ReadonlyArray<Problem> => {
  const problems = new ProblemList()
  for (const { kind, path } of findFaults(value, maxFaults)) {
    if (kind === "number") {
      problems.add({ by: "parser", path, message: "this number is out of range: write a smaller one", at: "value" })
    } else {
      problems.add({ by: "parser", path, message: "the key __proto__ is not allowed: rename it", at: "key" })
    }
  }
  return locate(problems, positionsIn(text))
}
