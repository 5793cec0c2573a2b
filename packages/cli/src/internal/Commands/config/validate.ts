/** `config validate`: parser and schema here, and where a host runs all that it would build. */
import { ConfigGroup } from "@signalbox/api/ConfigGroup"
import { ConfigDocument } from "@signalbox/core/ConfigDocument"
import { format } from "@signalbox/core/ConfigError"
import { HostConfig } from "@signalbox/server/HostConfig"
import { Effect, Option, Result } from "effect"
import { fromApi } from "../../Answers.ts"
import { clientOf } from "../../Client.ts"
import { hostOf, where } from "../../ConfigAccess.ts"
import { refused } from "../../ConfigFailure.ts"
import { readGiven } from "../../InputText.ts"
import { answer, remark } from "../../Print.ts"
import { mustAnswer } from "../../RunningHost.ts"
import { line } from "../../TextFormat.ts"

export const validate = Effect.fnUntraced(function* ({ file }: { readonly file: Option.Option<string> }) {
  const at = yield* where
  const { name, text } = yield* readGiven(Option.getOrElse(file, () => at.place.config))
  const loaded = ConfigDocument.make(HostConfig).load(text, {})
  if (Result.isFailure(loaded)) return yield* refused(loaded.failure, name)
  const { warnings } = loaded.success
  const host = yield* hostOf(at)
  if (host !== undefined) {
    yield* mustAnswer(host)
    const { config } = yield* clientOf(host, ConfigGroup)
    const plan = yield* Effect.mapError(config.plan({ payload: { text } }), fromApi)
    if (plan.problems.length > 0) return yield* refused(plan.problems, name)
  }
  const checked = host === undefined ? "schema" : "services"
  yield* answer({ valid: true, checked, warnings }, () => `${line(name)}: would be accepted`)
  for (const warning of warnings) yield* remark(line(`warning: ${format(name, warning)}`))
  if (host === undefined) yield* remark("schema-checked only: no host runs here")
})
