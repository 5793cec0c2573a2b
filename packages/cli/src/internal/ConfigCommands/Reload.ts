/** `reload`: what it says is what an editor's `/reload>` says. */
import { ConfigGroup } from "@signalbox/api/ConfigGroup"
import { Effect } from "effect"
import { requireHost } from "../Access.ts"
import { fromApi } from "../Answers.ts"
import { clientOf } from "../Client.ts"
import { answer } from "../Output.ts"
import { lines } from "../Shown.ts"

export const reload = Effect.fnUntraced(function* ({ ignoreEnvironment }: { readonly ignoreEnvironment: boolean }) {
  const { config } = yield* clientOf(yield* requireHost("can reload"), ConfigGroup)
  const reloaded = yield* Effect.mapError(config.reload({ payload: { ignoreEnvironment } }), fromApi)
  yield* answer(reloaded, () => lines(reloaded.summary))
})
