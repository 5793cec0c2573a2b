/**
 * Reads paths as people write them: dotted (`models.fast.upstream`, `models."gpt-4.1".upstream`) or as a JSON Pointer (`/models/fast/upstream`). The
 * empty text is the whole document.
 */
import { parsePointer, pointer } from "@signalbox/core/JsonPointer"
import { Effect, Result } from "effect"
import { type Failure, usage } from "./Failure.ts"

/** The JSON Pointer of a path. Fails with a usage error. */
export const configPath = (text: string): Effect.Effect<string, Failure> =>
  Result.match(pointerOf(text), {
    onSuccess: Effect.succeed,
    onFailure: (reason) =>
      Effect.fail(
        usage(
          `${JSON.stringify(text)} is not a path: ${reason}`,
          'write models.fast.upstream, models."gpt-4.1", or /models/fast',
        ),
      ),
  })

/** The JSON Pointer of a path, or why it has none. */
export const pointerOf = (text: string): Result.Result<string, string> => {
  if (text === "") return Result.succeed("")
  if (text.startsWith("/")) {
    return parsePointer(text) === undefined
      ? Result.fail("in a path that begins with / write ~ as ~0 and / as ~1")
      : Result.succeed(text)
  }
  const names: Array<string> = []
  let rest = text
  for (;;) {
    const part = quoted.exec(rest)?.[0] ?? plain.exec(rest)?.[0]
    if (part === undefined) {
      return Result.fail(rest.startsWith('"') ? "a quote is not closed" : "a part between two dots is empty")
    }
    const name = part.startsWith('"') ? unquoted(part) : part
    if (name === undefined) return Result.fail(`${part} is not a quoted name: quote and escape as in JSON`)
    names.push(name)
    rest = rest.slice(part.length)
    if (rest === "") return Result.succeed(pointer(names))
    if (!rest.startsWith(".")) return Result.fail("a quoted part must be followed by a dot or the end")
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
