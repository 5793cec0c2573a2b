/** `config set`, `unset` and `undo`. */
import { Effect, type Schema } from "effect"
import { type Edit, type State, withAccess } from "../../ConfigAccess.ts"
import { Failure, failed } from "../../Failure.ts"
import { remark } from "../../Print.ts"
import { line } from "../../TextFormat.ts"
import { valueOf } from "../../ValueArgument.ts"
import { pointer, tellWritten } from "./changeReport.ts"

interface Set {
  readonly path: string
  readonly value: string
  readonly asText: boolean
}

export const set = Effect.fnUntraced(function* ({ asText, path, value }: Set) {
  const at = yield* pointer(path)
  const parsed = yield* valueOf(value, { asText })
  const guessed = typeof parsed === "number" || typeof parsed === "boolean"
  return yield* Effect.mapError(write({ path: at, value: parsed as Schema.Json }), (error) =>
    guessed && error instanceof Failure && isAbout(error, at) ? withHint(error) : error,
  )
})

/** What is refused is what was set, not what stood there. */
const isAbout = ({ kind, problems = [] }: Failure, path: string): boolean =>
  kind === "rejected" && problems.some((problem) => problem.path === path)

/** A key of digits alone looks like a number. */
const withHint = ({ problems = [], source }: Failure): Failure =>
  failed("rejected", "the configuration is refused; nothing was changed", "if the value is a text, add --string", {
    problems,
    ...(source === undefined ? {} : { source }),
  })

export const unset = Effect.fnUntraced(function* ({ path }: { readonly path: string }) {
  return yield* write({ path: yield* pointer(path), remove: true })
})

const write = (edit: Edit) =>
  withAccess("write", (access) =>
    access.change({ edits: [edit] }).pipe(
      Effect.catchIf(
        ({ kind }) => kind === "rejected",
        (error) => Effect.flatMap(access.state, (state) => Effect.fail(refusedAlready(state) ?? error)),
      ),
      Effect.flatMap((written) => tellWritten(access, written)),
    ),
  )

/** An edit of a document that is refused itself is no edit that is refused. */
const refusedAlready = ({ problems, source }: State): Failure | undefined =>
  problems.length === 0
    ? undefined
    : failed(
        "document-refused",
        `nothing was changed: the document at ${line(source)} is refused as it stands`,
        "correct it there, or put the last accepted one back with `signalbox config undo`",
        { problems, source },
      )

export const undo = withAccess("write", (access) =>
  Effect.gen(function* () {
    const { problems } = yield* access.state
    yield* tellWritten(access, yield* access.undo)
    if (problems.length > 0) yield* remark("the document that stood there was refused; it is kept in the history")
  }),
)
