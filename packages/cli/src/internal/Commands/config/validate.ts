/** `config validate`: checks a document against parser and schema, and where a host is running, lets it build every service that depends on it. */
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import { format } from "@signalbox/core/ConfigError"
import { HostConfig } from "@signalbox/server/HostConfig"
import { Effect, Option, Result } from "effect"
import { endpoints } from "../../AdminEndpoints.ts"
import { rejectedDocument } from "../../ConfigFailure.ts"
import { usage } from "../../Failure.ts"
import { request } from "../../HostClient.ts"
import { printNote, printResult } from "../../Print.ts"
import { requireResponse } from "../../RunningHost.ts"
import { readInput } from "../../readInput.ts"
import { hostOf, target } from "../../Target.ts"
import { escapeLine } from "../../TextFormat.ts"
import { schemaOnly } from "./changeReport.ts"

export const validate = Effect.fnUntraced(function* ({ file }: { readonly file: Option.Option<string> }) {
  const document = yield* target
  if (document.remote !== undefined && Option.isNone(file)) {
    return yield* usage("with --host, name the file to check", "`signalbox config validate FILE --host URL`")
  }
  const { name, text } = yield* readInput(Option.getOrElse(file, () => document.paths.config))
  const loaded = ConfigDocument.make(HostConfig).load(text, {})
  if (Result.isFailure(loaded)) return yield* rejectedDocument(loaded.failure, name)
  const { warnings } = loaded.success
  const host = yield* hostOf(document)
  if (host !== undefined) {
    yield* requireResponse(host)
    const plan = yield* request(host, endpoints.plan, { payload: { text } })
    if (plan.problems.length > 0) return yield* rejectedDocument(plan.problems, name)
  }
  const checked = host === undefined ? "schema" : "services"
  yield* printResult({ valid: true, checked, warnings }, () => `${escapeLine(name)}: would be accepted`)
  for (const warning of warnings) yield* printNote(escapeLine(`warning: ${format(name, warning)}`))
  if (host === undefined) yield* printNote(schemaOnly)
})
