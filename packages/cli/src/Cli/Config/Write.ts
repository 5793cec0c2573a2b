/** `config set`, `unset` and `undo`. */
import { Effect, type Schema } from "effect"
import { type Edit, withAccess } from "../Access.ts"
import { Failure, failed } from "../Failure.ts"
import { valueOf } from "../Values.ts"
import { pointer, tellWritten } from "./Told.ts"

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
    guessed && error instanceof Failure && error.kind === "rejected" ? withHint(error) : error,
  )
})

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
    Effect.flatMap(access.change({ edits: [edit] }), (written) => tellWritten(access, written)),
  )

export const undo = withAccess("write", (access) =>
  Effect.flatMap(access.undo, (written) => tellWritten(access, written)),
)
