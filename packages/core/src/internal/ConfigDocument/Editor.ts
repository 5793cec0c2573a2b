/** Edits and whole texts from outside, with redaction markers in them. */
import { Result } from "effect"
import { parsePointer, type Tokens } from "../../JsonPointer.ts"
import { absent, findFaults, lookup, maxDepth } from "../Json.ts"
import { Draft } from "./Edit.ts"
import { type Finding, Findings, locate } from "./Problems.ts"
import { readText } from "./Reader.ts"
import { restoreText, restoreValue } from "./Redact.ts"
import type { Shapes } from "./Shape.ts"
import { positions } from "./Tree.ts"
import type { ConfigDocument, Edit } from "./Types.ts"

export const makeEditor = (shapes: Shapes, marker: string): Pick<ConfigDocument<unknown>, "edit" | "restore"> => {
  const declaresVersion = shapes.root.some((shape) => shape.fields.has("version"))

  /** Where an edit goes and what it writes, its markers replaced by what is stored. */
  const readEdit = (
    edit: Edit,
    stored: unknown,
    findings: Findings,
  ): { readonly tokens: Tokens; readonly value: unknown } | undefined => {
    const tokens = parsePointer(edit.path)
    const refuse = (message: string, path: Tokens = tokens ?? []): undefined =>
      findings.add({ by: "schema", path, message, at: "value" })
    if (tokens === undefined) {
      return refuse("a path starts with / and writes ~ as ~0 and / as ~1 within keys: correct the path")
    }
    // Before anything follows the path: what does so calls itself at each step.
    if (tokens.length > maxDepth) {
      return refuse(`nested deeper than ${maxDepth} levels: make it flatter`, tokens.slice(0, maxDepth))
    }
    if (tokens.includes("__proto__")) return refuse("the key __proto__ is not allowed: choose another")
    if (tokens.length === 1 && tokens[0] === "version" && !declaresVersion) {
      return refuse("the document's version is set by the program: leave it")
    }
    if ("remove" in edit) return { tokens, value: absent }
    const [fault] = findFaults(edit.value, 1)
    if (fault !== undefined) return refuse("the value is not JSON: use plain data", [...tokens, ...fault.path])
    const missing: Array<Finding> = []
    // what JSON writes is what will be read: it has no negative zero
    const plain: unknown = JSON.parse(JSON.stringify(edit.value))
    const value = restoreValue(plain, lookup(stored, tokens), tokens, marker, missing)
    if (missing.length === 0) return { tokens, value }
    for (const finding of missing) findings.add(finding)
    return undefined
  }

  return {
    edit: (text, edits) => {
      const read = readText(text)
      if (Result.isFailure(read)) return Result.fail(read.failure)
      const stored = read.success.value
      const findings = new Findings()
      const draft = new Draft(text, stored)
      for (const edit of edits) {
        const wanted = readEdit(edit, stored, findings)
        if (wanted === undefined) continue
        const refused = draft.set(wanted.tokens, wanted.value)
        if (refused !== undefined) findings.add(refused)
      }
      if (findings.count === 0 && !draft.isTrue()) {
        const message = "these edits do not take effect in the text: edit the document by hand"
        findings.add({ by: "schema", path: [], message, at: "value" })
      }
      return findings.count > 0 ? Result.fail(locate(findings, positions(text))) : Result.succeed(draft.text)
    },

    restore: (text, current) => {
      const read = readText(text)
      if (Result.isFailure(read)) return Result.fail(read.failure)
      const stored = readText(current)
      const value = Result.isSuccess(stored) ? stored.success.value : absent
      const restored = restoreText(shapes, text, read.success.value, { text: current, value }, marker)
      if (Result.isSuccess(restored)) return Result.succeed(restored.success)
      const findings = new Findings()
      for (const finding of restored.failure) findings.add(finding)
      return Result.fail(locate(findings, positions(text)))
    },
  }
}
