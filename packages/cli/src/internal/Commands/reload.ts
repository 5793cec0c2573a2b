/** `reload`: what it says is what an editor's `/reload>` says. */
import { ConfigGroup } from "@signalbox/api/ConfigGroup"
import { Effect } from "effect"
import { fromApi } from "../Answers.ts"
import { clientOf } from "../Client.ts"
import { requireHost } from "../ConfigAccess.ts"
import { answer } from "../Print.ts"
import { lines } from "../TextFormat.ts"

export const reload = Effect.fnUntraced(function* ({ ignoreEnvironment }: { readonly ignoreEnvironment: boolean }) {
  const { config } = yield* clientOf(yield* requireHost("can reload"), ConfigGroup)
  const reloaded = yield* Effect.mapError(config.reload({ payload: { ignoreEnvironment } }), fromApi)
  yield* answer(reloaded, () => lines(reloaded.summary))
})
