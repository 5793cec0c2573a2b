/** A value within plain JSON by its pointer; of an unknown name the near ones are said. */
import { find, parsePointer } from "@signalbox/core/JsonPointer"
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { Effect, type Schema } from "effect"
import { type Failure, failed } from "./Failure.ts"
import { line } from "./TextFormat.ts"

export const lookUp = (root: Schema.Json, pointer: string): Effect.Effect<Schema.Json, Failure> => {
  const place = find(root, parsePointer(pointer) ?? [pointer])
  if ("found" in place) return Effect.succeed(place.found)
  const near = didYouMean(nearNames(place.missing, place.keys))
  return Effect.fail(
    failed("not-found", `there is no ${line(pointer)}${near}`, "`signalbox config get` shows all there is"),
  )
}
