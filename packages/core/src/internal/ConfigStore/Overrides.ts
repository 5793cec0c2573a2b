/** The values that stand above everything else until the process ends or they are lifted. */
import { Result } from "effect"
import { ConfigDocument, type Edit } from "../../ConfigDocument.ts"
import type { Problem } from "../../ConfigError.ts"

export const maxOverrides = 1024

/** `edits` over `current`. A value takes the place of those at and below its path; `remove` lifts these and sets nothing. */
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
  const message = `more than ${maxOverrides} values are set at run time: lift some, or write them into the document`
  return Result.fail([{ by: "schema", path: "", message }])
}

/** Why `edits` cannot stand, though they load: no secret is stored here that a redaction marker could keep. */
export const markersIn = (edits: ReadonlyArray<Edit>): ReadonlyArray<Problem> =>
  edits
    .filter((edit) => "value" in edit && ConfigDocument.holdsMarker(edit.value))
    .map(({ path }) => ({ by: "schema", path, message: asItIs }))

const asItIs =
  "a value that is set at run time keeps no secret: write the secret itself in place of the marker, or set the keys beside it"
