/** Runtime overrides: values above all other layers, until they are removed or the process ends. */
import { Result } from "effect"
import type { Edit } from "../../ConfigDocument.ts"
import type { Problem } from "../../ConfigError.ts"
import { holdsMarker } from "../RedactionMarker.ts"

export const maxOverrides = 1024

/** `edits` over `current`. A value replaces those at and below its path; `remove` removes these and sets nothing. */
export const mergeOverrides = (
  current: ReadonlyArray<Edit>,
  edits: ReadonlyArray<Edit>,
): Result.Result<ReadonlyArray<Edit>, ReadonlyArray<Problem>> => {
  let merged = current
  for (const edit of edits) {
    const rest = merged.filter(({ path }) => path !== edit.path && !path.startsWith(`${edit.path}/`))
    if (rest.length === merged.length && "remove" in edit) continue
    merged = "remove" in edit ? rest : [...rest, edit]
  }
  if (merged.length <= maxOverrides) return Result.succeed(merged)
  const message = `more than ${maxOverrides} values are set at run time: remove some, or write them into the document`
  return Result.fail([{ by: "schema", path: "", message }])
}

/** Refuses redaction markers in `edits`: an override stores no secret that a marker could keep. */
export const markerProblems = (edits: ReadonlyArray<Edit>): ReadonlyArray<Problem> =>
  edits
    .filter((edit) => "value" in edit && holdsMarker(edit.value))
    .map(({ path }) => ({ by: "schema", path, message: noStoredSecret }))

const noStoredSecret =
  "a value that is set at run time keeps no secret: write the secret itself in place of the marker, or set the keys beside it"
