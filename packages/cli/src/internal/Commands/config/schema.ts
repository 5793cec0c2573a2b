/**
 * `config schema`: the JSON Schema of the document, of the running host or else of this program. The output is the same with and without `--json`. It
 * does not depend on the document, which may be refused.
 */
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import { visibleJson } from "@signalbox/core/VisibleText"
import { HostConfig } from "@signalbox/server/HostConfig"
import { Effect } from "effect"
import { endpoints } from "../../AdminEndpoints.ts"
import { request } from "../../HostClient.ts"
import { print } from "../../Print.ts"
import { hostOf, target } from "../../Target.ts"

export const schema = Effect.gen(function* () {
  const host = yield* hostOf(yield* target)
  const schema = host === undefined ? ConfigDocument.jsonSchema(HostConfig) : yield* request(host, endpoints.schema)
  yield* print(visibleJson(schema, 2))
})
