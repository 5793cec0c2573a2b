/**
 * Places in the document as people write them: dotted (`models.fast.upstream`, `models."gpt-4.1".upstream`) or as a JSON Pointer
 * (`/models/fast/upstream`). An empty text, or `/` alone among pointers, is not a place by accident: the whole document is `""`.
 */
import { parsePointer, pointer } from "@signalbox/core/JsonPointer"
import { Result } from "effect"

/** The JSON Pointer, or why it is none. */
export const pointerOf = (text: string): Result.Result<string, string> => {
  if (text === "") return Result.succeed("")
  if (text.startsWith("/")) {
    return parsePointer(text) === undefined
      ? Result.fail("in a path that begins with / write ~ as ~0 and / as ~1")
      : Result.succeed(text)
  }
  const parts: Array<string> = []
  let rest = text
  for (;;) {
    const part = quoted.exec(rest)?.[0] ?? plain.exec(rest)?.[0]
    if (part === undefined) {
      return Result.fail(rest.startsWith('"') ? "a quote is not closed" : "a part between two dots is empty")
    }
    const name = part.startsWith('"') ? unquoted(part) : part
    if (name === undefined) return Result.fail(`${part} is not a quoted name: quotes and backslashes are as in JSON`)
    parts.push(name)
    rest = rest.slice(part.length)
    if (rest === "") return Result.succeed(pointer(parts))
    if (!rest.startsWith(".")) return Result.fail("after a quoted part comes a dot, or nothing")
    rest = rest.slice(1)
  }
}

const quoted = /^"(?:[^"\\]|\\.)*"/s
const plain = /^[^."]+/

const unquoted = (part: string): string | undefined => {
  try {
    return String(JSON.parse(part))
  } catch {
    return undefined
  }
}
