/** `config get` and `config schema`. */
import { Effect, Option } from "effect"
import { withAccess } from "../Access.ts"
import { answer, print, remark } from "../Output.ts"
import { lines } from "../Shown.ts"
import { pointer } from "./Told.ts"

interface Get {
  readonly path: Option.Option<string>
  readonly document: boolean
}

export const get = ({ document, path }: Get) =>
  withAccess("read", (access) =>
    Effect.gen(function* () {
      const state = yield* access.state
      if (state.problems.length > 0) {
        yield* remark(
          `the document at ${state.source} is refused; this is the last one that was accepted (\`signalbox config validate\` says why)`,
        )
      }
      const wanted = Option.isNone(path) ? "" : yield* pointer(path.value)
      if (wanted !== "") {
        const value = yield* access.value(wanted)
        return yield* answer(value, () =>
          lines(typeof value.value === "string" ? value.value : JSON.stringify(value.value, undefined, 2)),
        )
      }
      if (document) return yield* answer(state, () => lines(state.text.replace(/\n$/, "")))
      return yield* answer(state, () => lines(JSON.stringify(state.effective, undefined, 2)))
    }),
  )

/** The same with and without `--json`: it is JSON anyhow. */
export const schema = withAccess("read", (access) =>
  Effect.flatMap(access.schema, (schema) => print(JSON.stringify(schema, undefined, 2))),
)
