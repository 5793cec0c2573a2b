/** Finds the value at a JSON Pointer in plain JSON. Suggests near names for an unknown one. */
import { dotted } from "@signalbox/core/ChangeSummary"
import { find, parsePointer } from "@signalbox/core/JsonPointer"
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { Effect, type Schema } from "effect"
import { type Failure, failed } from "./Failure.ts"
import { escapeLine } from "./TextFormat.ts"

export const findValue = (root: Schema.Json, pointer: string): Effect.Effect<Schema.Json, Failure> => {
  const result = find(root, parsePointer(pointer) ?? [pointer])
  if ("found" in result) return Effect.succeed(result.found)
  const near = didYouMean(nearNames(result.missing, result.keys))
  const [section = ""] = (parsePointer(pointer) ?? []).slice(0, -1)
  const command = ["signalbox config get", ...(Object.hasOwn(Object(root), section) ? [section] : [])].join(" ")
  return Effect.fail(
    failed(
      "not-found",
      `there is no ${escapeLine(dotted(pointer))}${escapeLine(near)}`,
      `\`${command}\` shows all values${section === "" ? "" : " there"}`,
    ),
  )
}
