/** A value within plain JSON by its pointer; of an unknown name the near ones are said. */
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { Effect, type Schema } from "effect"
import { type Failure, failed } from "../Failure.ts"
import { line } from "../Shown.ts"

export const lookUp = (root: Schema.Json, pointer: string): Effect.Effect<Schema.Json, Failure> => {
  let value: Schema.Json | undefined = root
  for (const part of pointer.split("/").slice(1)) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~")
    const members: object = typeof value === "object" && value !== null ? value : {}
    // The length of an array is its own, and no part of the document.
    const next: Schema.Json | undefined = Object.prototype.propertyIsEnumerable.call(members, name)
      ? Object.getOwnPropertyDescriptor(members, name)?.value
      : undefined
    if (next === undefined) {
      const near = didYouMean(nearNames(name, Object.keys(members)))
      return Effect.fail(
        failed("not-found", `there is no ${line(pointer)}${near}`, "`signalbox config get` shows all there is"),
      )
    }
    value = next
  }
  return Effect.succeed(value)
}
