/** `config set` and `unset`. */
import { dotted } from "@signalbox/core/ChangeSummary"
import { parsePointer } from "@signalbox/core/JsonPointer"
import { Effect, Option, type Schema } from "effect"
import type { ConfigAccess } from "../../ConfigAccess.ts"
import { checkPath, writtenPath } from "../../configPath.ts"
import { type Failure, failed } from "../../Failure.ts"
import { shellWord } from "../../shellWord.ts"
import { escapeLine } from "../../TextFormat.ts"
import { valueArgument } from "../../valueArgument.ts"
import { withConfig } from "../../withConfig.ts"
import { printWritten } from "./changeReport.ts"
import { writeEdits } from "./writeEdits.ts"

interface Input {
  readonly path: string
  readonly value: string
  readonly asText: boolean
}

export const set = Effect.fnUntraced(function* ({ asText, path, value: argument }: Input) {
  yield* checkPath(path)
  const value = yield* valueArgument(argument, { asText, name: path })
  const mayBeText = typeof value === "number" || typeof value === "boolean"
  yield* withConfig("write", (access) =>
    Effect.gen(function* () {
      const before = yield* access.summary
      const pointer = yield* writtenPath(path, access)
      const written = yield* Effect.catch(
        writeEdits(access, [{ path: pointer, value: value as Schema.Json }]),
        (error) =>
          isAbout(error, pointer) && mayBeText
            ? Effect.fail(withHint(error, "if the value is text, add --string"))
            : absentMember(error, pointer, access),
      )
      yield* printWritten(access, before, written, [pointer])
    }),
  )
})

/** Whether the value that was set is refused, and not another part of the document. */
const isAbout = ({ kind, problems = [] }: Failure, path: string): boolean =>
  kind === "rejected" && problems.some((problem) => problem.path === path)

const withHint = ({ kind, message, problems = [] }: Failure, hint: string): Failure =>
  failed(kind, message, hint, { problems })

/** One key alone makes no model and no provider. */
const absentMember = Effect.fnUntraced(function* (error: Failure, path: string, access: ConfigAccess) {
  const [section = "", name = "", ...keys] = parsePointer(path) ?? []
  const command = { models: "models", providers: "providers" }[section]
  if (error.kind !== "rejected" || command === undefined || keys.length === 0) return yield* error
  const pathOfMember = `/${section}/${path.split("/")[2]}`
  if (Option.isSome(yield* Effect.option(access.value(pathOfMember)))) return yield* error
  const member = escapeLine(dotted(pathOfMember))
  return yield* failed(
    "rejected",
    `there is no ${member} yet, and ${escapeLine(dotted(path))} alone is not enough; nothing was changed`,
    `add it with \`signalbox ${command} add ${escapeLine(shellWord(name))}\`, then set the rest`,
    { problems: error.problems ?? [] },
  )
})

export const unset = Effect.fnUntraced(function* ({ path }: { readonly path: string }) {
  yield* checkPath(path)
  yield* withConfig("write", (access) =>
    Effect.gen(function* () {
      const before = yield* access.summary
      const pointer = yield* writtenPath(path, access)
      const written = yield* writeEdits(access, [{ path: pointer, remove: true }])
      if (written.hash === before.hash) {
        const { notInDocument } = yield* Effect.promise(() => import("./valueInDocument.ts"))
        return yield* notInDocument(yield* access.state, pointer)
      }
      yield* printWritten(access, before, written, [pointer])
    }),
  )
})
