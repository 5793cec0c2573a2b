/** Edits and whole texts from callers, with redaction markers in them. */
import { Result } from "effect"
import { parsePointer, type Tokens } from "../../JsonPointer.ts"
import { absent, findFaults, freeze, lookup, maxDepth } from "../Json.ts"
import { EditedText } from "./EditedText.ts"
import { positionsIn } from "./Outline.ts"
import { locate, ProblemList } from "./Problems.ts"
import type { Read } from "./Reader.ts"
import { restoreText, restoreValue } from "./Restore.ts"
import type { Shapes } from "./Shape.ts"
import type { ConfigDocument, Edit } from "./Types.ts"

interface ParsedEdit {
  readonly tokens: Tokens
  /** A frozen copy as plain JSON; `absent` removes. */
  readonly value: unknown
}

/** Parses the path of an edit and copies its value, or returns why no document can hold it. */
export const parseEdit = (
  edit: Edit,
): Result.Result<ParsedEdit, { readonly path: Tokens; readonly message: string }> => {
  const tokens = parsePointer(edit.path)
  const refuse = (message: string, path: Tokens = tokens ?? []) => Result.fail({ path, message })
  if (tokens === undefined) {
    return refuse("a path starts with / and writes ~ as ~0 and / as ~1 within keys: correct the path")
  }
  if (tokens.length === 0) return refuse("the document as a whole cannot be edited: replace it, or edit its keys")
  // This comes first, because code that follows a path may recurse at each step.
  if (tokens.length > maxDepth) {
    return refuse(`nested deeper than ${maxDepth} levels: make it flatter`, tokens.slice(0, maxDepth))
  }
  if (tokens.includes("__proto__")) return refuse("the key __proto__ is not allowed: choose another")
  if ("remove" in edit) return Result.succeed({ tokens, value: absent })
  const [fault] = findFaults(edit.value, 1)
  if (fault !== undefined) return refuse("the value is not JSON: use plain data", [...tokens, ...fault.path])
  // The text will hold what JSON writes, which has no negative zero.
  return Result.succeed({ tokens, value: freeze(JSON.parse(JSON.stringify(edit.value))) })
}

export const makeEdits = (shapes: Shapes, readText: Read): Pick<ConfigDocument<unknown>, "edit" | "restore"> => {
  const declaresVersion = shapes.root.some((shape) => shape.fields.has("version"))

  /** An edit in which stored secrets have replaced the markers. */
  const readEdit = (edit: Edit, stored: unknown, problems: ProblemList): ParsedEdit | undefined => {
    const parsed = parseEdit(edit)
    if (Result.isFailure(parsed)) return problems.add({ by: "schema", ...parsed.failure, at: "value" })
    const { tokens, value } = parsed.success
    if (tokens.length === 1 && tokens[0] === "version" && !declaresVersion) {
      const message = "the document's version is set by the program: leave it"
      return problems.add({ by: "schema", path: tokens, message, at: "value" })
    }
    const before = problems.count
    const restored = value === absent ? absent : restoreValue(value, lookup(stored, tokens), tokens, problems)
    return problems.count === before ? { tokens, value: restored } : undefined
  }

  return {
    edit: (text, edits) => {
      const read = readText(text)
      if (Result.isFailure(read)) return Result.fail(read.failure)
      const stored = read.success
      const problems = new ProblemList()
      const edited = new EditedText(text, stored, readText)
      for (const edit of edits) {
        const wanted = readEdit(edit, stored, problems)
        if (wanted === undefined) continue
        const refused = edited.set(wanted.tokens, wanted.value)
        if (refused !== undefined) problems.add(refused)
      }
      const finished = problems.count === 0 ? edited.finish() : undefined
      if (finished !== undefined && Result.isSuccess(finished)) return Result.succeed(finished.success)
      for (const fault of finished?.failure ?? []) problems.add(fault)
      return Result.fail(locate(problems, positionsIn(text)))
    },

    restore: (text, current) => {
      const read = readText(text)
      if (Result.isFailure(read)) return Result.fail(read.failure)
      const stored = readText(current)
      const value = Result.isSuccess(stored) ? stored.success : absent
      const problems = new ProblemList()
      const restored = restoreText(shapes, { text, value: read.success }, { text: current, value }, problems)
      return problems.count > 0 ? Result.fail(locate(problems, positionsIn(text))) : Result.succeed(restored)
    },
  }
}
