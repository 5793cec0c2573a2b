/**
 * Reads paths as people write them: dotted (`models.fast.upstream`, `models."gpt-4.1".upstream`) or as a JSON Pointer (`/models/fast/upstream`). The
 * empty text is the whole document.
 */
import { dotted } from "@signalbox/core/ChangeSummary"
import { parsePointer, pointer } from "@signalbox/core/JsonPointer"
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { Effect, Option, Result, type Schema } from "effect"
import type { ConfigAccess } from "./ConfigAccess.ts"
import { type Failure, usage } from "./Failure.ts"

/**
 * The JSON Pointer of a path in this configuration, or a usage error. A name with dots need not be quoted if the configuration has it: `models.gpt-4.1` is
 * the model `gpt-4.1`. Dots that could mean several things are refused.
 */
export const configPath = (text: string, effective: Schema.Json): Effect.Effect<string, Failure> =>
  Effect.flatMap(checkPath(text), (parts) => {
    const path = pointer(parts.map(({ name }) => name))
    return mayHoldDots(parts) ? withDots(parts, effective) : Effect.succeed(path)
  })

/** The same for a path in a configuration that can be read. It reads one member where that is enough, because the whole costs a host much more. */
export const writtenPath = (
  text: string,
  access: Pick<ConfigAccess, "state" | "value">,
): Effect.Effect<string, Failure> =>
  Effect.gen(function* () {
    const parts = yield* checkPath(text)
    const names = parts.map(({ name }) => name)
    const [section = "", name = "", key = ""] = names
    if (!mayHoldDots(parts)) return pointer(names)
    if (namedSections[section]?.includes(key)) {
      const member = yield* Effect.option(access.value(pointer([section, name])))
      if (Option.isSome(member)) return pointer(names)
    }
    return yield* withDots(parts, (yield* access.state).effective)
  })

/** The parts of a path. For a check before the configuration is read. */
export const checkPath = (text: string): Effect.Effect<ReadonlyArray<Part>, Failure> =>
  Result.match(partsOf(text), {
    onSuccess: Effect.succeed,
    onFailure: (reason) =>
      Effect.fail(
        usage(
          `${JSON.stringify(text)} is not a path: ${reason}`,
          "write models.fast.upstream, 'models.\"gpt-4.1\"', or /models/fast",
        ),
      ),
  })

/** The sections whose members have names of the user, and the keys of these members. A test compares them with the schema. */
export const namedSections: Readonly<Record<string, ReadonlyArray<string>>> = {
  models: ["upstream", "provider", "enabled", "allowed_keys"],
  providers: ["kind", "base_url", "api_key"],
}

interface Part {
  readonly name: string
  /** Quoted, or from a JSON Pointer: its dots are part of the name. */
  readonly exact: boolean
}

const mayHoldDots = ([section, ...names]: ReadonlyArray<Part>): boolean =>
  names.length >= 2 && Object.hasOwn(namedSections, section?.name ?? "") && !names.some(({ exact }) => exact)

const withDots = (parts: ReadonlyArray<Part>, effective: Schema.Json): Effect.Effect<string, Failure> => {
  const [section = "", ...names] = parts.map(({ name }) => name)
  const keys = namedSections[section] ?? []
  const members = membersOf(membersOf(effective)[section])
  const [name = "", key = ""] = names
  const isKey = keys.includes(key) || Object.hasOwn(membersOf(members[name]), key)
  if (isKey && Object.hasOwn(members, name)) return Effect.succeed(pointer([section, ...names]))
  for (let count = names.length; count > 1; count--) {
    const joined = names.slice(0, count).join(".")
    if (Object.hasOwn(members, joined)) return Effect.succeed(pointer([section, joined, ...names.slice(count)]))
  }
  if (isKey) return Effect.succeed(pointer([section, ...names]))
  const last = names.at(-1) ?? ""
  const meant = keys.includes(last) ? [names.slice(0, -1).join("."), last] : [names.join(".")]
  return Effect.fail(
    usage(
      `${dotted(pointer([section, name]))} has no key ${JSON.stringify(key)}${didYouMean(nearNames(key, keys))}`,
      `quote a name that has dots: '${dotted(pointer([section, ...meant]))}'`,
    ),
  )
}

const membersOf = (value: Schema.Json | undefined): Readonly<Record<string, Schema.Json>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, Schema.Json>>)
    : {}

/** The parts of a path, or the reason why the text is not a path. */
export const partsOf = (text: string): Result.Result<ReadonlyArray<Part>, string> => {
  if (text === "") return Result.succeed([])
  if (text.startsWith("/")) {
    const names = parsePointer(text)
    return names === undefined
      ? Result.fail("in a path that begins with / write ~ as ~0 and / as ~1")
      : Result.succeed(names.map((name) => ({ name, exact: true })))
  }
  const parts: Array<Part> = []
  let rest = text
  for (;;) {
    const part = quoted.exec(rest)?.[0] ?? plain.exec(rest)?.[0]
    if (part === undefined) {
      return Result.fail(rest.startsWith('"') ? "a quote is not closed" : "a part between two dots is empty")
    }
    const exact = part.startsWith('"')
    const name = exact ? unquoted(part) : part
    if (name === undefined) return Result.fail(`${part} is not a quoted name: quote and escape as in JSON`)
    parts.push({ name, exact })
    rest = rest.slice(part.length)
    if (rest === "") return Result.succeed(parts)
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
