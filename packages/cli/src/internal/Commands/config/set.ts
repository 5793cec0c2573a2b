/** `config set` and `unset`. */
import { Effect, type Schema } from "effect"
import type { Edit, State } from "../../ConfigAccess.ts"
import { configPath } from "../../configPath.ts"
import { Failure, failed } from "../../Failure.ts"
import { escapeLine } from "../../TextFormat.ts"
import { valueArgument } from "../../valueArgument.ts"
import { withConfig } from "../../withConfig.ts"
import { printWritten } from "./changeReport.ts"

interface Input {
  readonly path: string
  readonly value: string
  readonly asText: boolean
}

export const set = Effect.fnUntraced(function* ({ asText, path, value: argument }: Input) {
  const pointer = yield* configPath(path)
  const value = yield* valueArgument(argument, { asText })
  const mayBeText = typeof value === "number" || typeof value === "boolean"
  return yield* Effect.mapError(write({ path: pointer, value: value as Schema.Json }), (error) =>
    mayBeText && error instanceof Failure && isAbout(error, pointer) ? withTextHint(error) : error,
  )
})

/** Whether the value that was set is refused, and not another part of the document. */
const isAbout = ({ kind, problems = [] }: Failure, path: string): boolean =>
  kind === "rejected" && problems.some((problem) => problem.path === path)

/** An API key of digits alone looks like a number. */
const withTextHint = ({ problems = [], source }: Failure): Failure =>
  failed("rejected", "the configuration is refused; nothing was changed", "if the value is text, add --string", {
    problems,
    ...(source === undefined ? {} : { source }),
  })

export const unset = Effect.fnUntraced(function* ({ path }: { readonly path: string }) {
  return yield* write({ path: yield* configPath(path), remove: true })
})

const write = (edit: Edit) =>
  withConfig("write", (access) =>
    access.change({ edits: [edit] }).pipe(
      Effect.catchIf(
        ({ kind }) => kind === "rejected",
        (error) => Effect.flatMap(access.state, (state) => Effect.fail(documentRefused(state) ?? error)),
      ),
      Effect.flatMap((written) => printWritten(access, written)),
    ),
  )

/** The failure to report when the document was refused before the edit. */
const documentRefused = ({ problems, source }: State): Failure | undefined =>
  problems.length === 0
    ? undefined
    : failed(
        "document-refused",
        `nothing was changed: the document at ${escapeLine(source)} is already refused`,
        "correct it in the file, or restore the last accepted one with `signalbox config undo`",
        { problems, source },
      )
