/** `config get`. */
import { visibleJson } from "@signalbox/core/VisibleText"
import { Effect, Option } from "effect"
import { lastGoodNote } from "../../ConfigFailure.ts"
import { configPath } from "../../configPath.ts"
import { printNote, printResult } from "../../Print.ts"
import { escapeLines } from "../../TextFormat.ts"
import { withConfig } from "../../withConfig.ts"

interface Input {
  readonly path: Option.Option<string>
  readonly document: boolean
}

export const get = ({ document, path }: Input) =>
  withConfig("read", (access) =>
    Effect.gen(function* () {
      const state = yield* access.state
      // Without a host, this note was logged when the files were opened.
      if (access.host !== undefined && state.problems.length > 0) yield* printNote(lastGoodNote(state.source))
      const pointer = Option.isNone(path) ? "" : yield* configPath(path.value)
      if (pointer !== "") {
        const result = yield* document ? valueInDocument(state, pointer) : access.value(pointer)
        const { value } = result
        return yield* printResult(result, () =>
          typeof value === "string" ? escapeLines(value) : visibleJson(value, 2),
        )
      }
      yield* printResult(state, () =>
        document ? escapeLines(state.text.replace(/\n$/, "")) : visibleJson(state.effective, 2),
      )
    }),
  )

const valueInDocument = (state: { readonly hash: string; readonly text: string }, pointer: string) =>
  Effect.flatMap(
    Effect.promise(() => import("./valueInDocument.ts")),
    ({ valueInDocument }) => valueInDocument(state, pointer),
  )
