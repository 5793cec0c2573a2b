/** Finds the value that the document's text has at a path, without defaults and without what overrides the document. */
import { dotted } from "@signalbox/core/ChangeSummary"
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import { find, parsePointer } from "@signalbox/core/JsonPointer"
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { Effect, type Schema } from "effect"
import { type Failure, failed } from "../../Failure.ts"
import { escapeLine } from "../../TextFormat.ts"

interface Document {
  readonly hash: string
  readonly text: string
}

export const valueInDocument = ({ hash, text }: Document, pointer: string) =>
  Effect.flatMap(parse(text), (document) => {
    const result = find(document, parsePointer(pointer) ?? [pointer])
    return "found" in result
      ? Effect.succeed({ path: pointer, value: result.found, provenance: "document", hash })
      : missing(pointer, result, "leave out --document to see the value in force")
  })

/** Reports that there was nothing to remove. */
export const notInDocument = ({ text }: Document, pointer: string): Effect.Effect<never, Failure> =>
  Effect.flatMap(parse(text), (document) => {
    const result = find(document, parsePointer(pointer) ?? [pointer])
    const near = "found" in result ? { missing: "", keys: [] } : result
    return missing(pointer, near, "`signalbox config get --document` shows the document", "; nothing was removed")
  })

// The text was in force, so it parses.
const parse = (text: string): Effect.Effect<Schema.Json> => Effect.orDie(Effect.fromResult(ConfigDocument.parse(text)))

const missing = (
  pointer: string,
  near: { readonly missing: string; readonly keys: ReadonlyArray<string> },
  hint: string,
  consequence = "",
) =>
  Effect.fail(
    failed(
      "not-found",
      `the document has no ${escapeLine(dotted(pointer))}${didYouMean(nearNames(near.missing, near.keys))}${consequence}`,
      hint,
    ),
  )
