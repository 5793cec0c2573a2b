/** `config get`. */
import { visibleJson } from "@signalbox/core/VisibleText"
import { Effect, Option } from "effect"
import { lastGoodNote } from "../../ConfigFailure.ts"
import { configPath } from "../../configPath.ts"
import { findValue } from "../../findValue.ts"
import { Json } from "../../GlobalFlags.ts"
import { print, printNote, printResult } from "../../Print.ts"
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
      const pointer = Option.isNone(path) ? "" : yield* configPath(path.value, state.effective)
      if (pointer === "") {
        return yield* printResult(state, () =>
          document ? escapeLines(state.text.replace(/\n$/, "")) : visibleJson(state.effective, 2),
        )
      }
      if (document) {
        const { valueInDocument } = yield* Effect.promise(() => import("./valueInDocument.ts"))
        const result = yield* valueInDocument(state, pointer)
        return yield* printResult(result, () => shown(result.value))
      }
      const value = yield* findValue(state.effective, pointer)
      yield* (yield* Json)
        ? Effect.flatMap(access.value(pointer), (result) => printResult(result, () => ""))
        : print(shown(value))
    }),
  )

const shown = (value: unknown): string => (typeof value === "string" ? escapeLines(value) : visibleJson(value, 2))
