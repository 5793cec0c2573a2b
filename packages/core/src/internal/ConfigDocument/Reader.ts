/** From a text to frozen plain JSON, or to its problems. */
import { Result } from "effect"
import type { Problem } from "../../ConfigError.ts"
import { findFaults, isDeeperThan, isObject, maxDepth, type PlainObject } from "../Json.ts"
import { adopt, type Inspection } from "../StructuralSharing.ts"
import { positionsIn } from "./Outline.ts"
import { kindOf, locate, ProblemList } from "./Problems.ts"
import { type Fault, firstFault, linesOf, parse } from "./Text.ts"

/** Shares with `before`, the value of an earlier text, what equals it. */
export const readText = (text: string, before?: PlainObject): Result.Result<PlainObject, ReadonlyArray<Problem>> => {
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
