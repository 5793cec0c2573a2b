/** `reload`: what it says is what an editor's `/reload>` says. */
import { Effect } from "effect"
import { fromApi } from "../Access/Answers.ts"
import { requireHost } from "../Access.ts"
import { answer, whileWaiting } from "../Output.ts"
import { lines } from "../Shown.ts"

export const reload = Effect.fnUntraced(function* ({ ignoreEnvironment }: { readonly ignoreEnvironment: boolean }) {
  const { client } = yield* requireHost("can reload")
  const reloaded = yield* Effect.mapError(client.config.reload({ payload: { ignoreEnvironment } }), fromApi).pipe(
    whileWaiting("reloading"),
  )
  yield* answer(reloaded, () => lines(reloaded.summary))
})
