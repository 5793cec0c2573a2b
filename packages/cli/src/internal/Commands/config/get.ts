/** `config get` and `config schema`. */
import { ConfigGroup } from "@signalbox/api/ConfigGroup"
import { ConfigDocument } from "@signalbox/core/ConfigDocument"
import { HostConfig } from "@signalbox/server/HostConfig"
import { Effect, Option } from "effect"
import { fromApi } from "../../Answers.ts"
import { clientOf } from "../../Client.ts"
import { hostOf, type State, where, withAccess } from "../../ConfigAccess.ts"
import { lastGood } from "../../ConfigFailure.ts"
import { failed } from "../../Failure.ts"
import { lookUp } from "../../findValue.ts"
import { answer, print, remark } from "../../Print.ts"
import type { Host } from "../../RunningHost.ts"
import { lines } from "../../TextFormat.ts"
import { pointer } from "./changeReport.ts"

interface Get {
  readonly path: Option.Option<string>
  readonly document: boolean
}

export const get = ({ document, path }: Get) =>
  withAccess("read", (access) =>
    Effect.gen(function* () {
      const state = yield* access.state
      // Without a host it has been said.
      if (access.host !== undefined && state.problems.length > 0) yield* remark(lastGood(state.source))
      const wanted = Option.isNone(path) ? "" : yield* pointer(path.value)
      if (wanted !== "") {
        const value = yield* document ? inDocument(state, wanted) : access.value(wanted)
        return yield* answer(value, () =>
          lines(typeof value.value === "string" ? value.value : JSON.stringify(value.value, undefined, 2)),
        )
      }
      if (document) return yield* answer(state, () => lines(state.text.replace(/\n$/, "")))
      return yield* answer(state, () => lines(JSON.stringify(state.effective, undefined, 2)))
    }),
  )

/** What the text itself holds there: neither a default nor what stands above it. */
const inDocument = ({ hash, text }: State, path: string) =>
  Effect.fromResult(ConfigDocument.parse(text)).pipe(
    // It was in force, so it can be read.
    Effect.orDie,
    Effect.flatMap((value) => lookUp(value, path)),
    Effect.map((value) => ({ path, value, provenance: "document", hash })),
    Effect.mapError(({ kind, message }) =>
      failed(kind, `${message} in the document`, "leave --document out to see what is in force there"),
    ),
  )

/** The same with and without `--json`: it is JSON anyhow. Of this program, whatever the document looks like; of a host's where one runs. */
export const schema = Effect.gen(function* () {
  const host = yield* hostOf(yield* where)
  const schema = host === undefined ? ConfigDocument.jsonSchema(HostConfig) : yield* schemaOf(host)
  yield* print(JSON.stringify(schema, undefined, 2))
})

const schemaOf = (host: Host) =>
  Effect.flatMap(clientOf(host, ConfigGroup), ({ config }) => Effect.mapError(config.schema(), fromApi))
