/** `serve`: the host itself, in this process. */
import * as Host from "@signalbox/server/Host"
import type { HostPaths } from "@signalbox/server/HostPaths"
import { Effect, Logger } from "effect"
import { conflict, failed, inSentences } from "../Failure.ts"
import { mustBeWritable } from "../FilePermissions.ts"
import type { ServeFlags } from "../PlainServe.ts"
import { runMain, withoutSignals } from "../runMain.ts"
import { asWritten } from "../StoreFailure.ts"
import { line } from "../TextFormat.ts"
import { warnings } from "../WarningLogger.ts"

/** In a clone of the repository nothing is on the PATH. */
const command = import.meta.url.endsWith(".ts") ? "npm run -s signalbox --" : "signalbox"

/** Signals are the host's: it drains on the first and ends on the second. */
export const serve = Effect.fnUntraced(function* (place: HostPaths, { logFormat, port, strict }: ServeFlags) {
  // Before the host says less of it. The document itself it need not be able to write.
  yield* mustBeWritable(place.lock)
  const host = Host.serve({
    config: place.config,
    strict,
    logFormat,
    command,
    ...(port === undefined ? {} : { port }),
  })
  yield* Effect.mapError(withoutSignals(host), refusal)
})

/** As the whole of what was asked for. */
export const run = (
  args: ReadonlyArray<string>,
  { place, ...flags }: ServeFlags & { readonly place: HostPaths },
): void => runMain(args, Effect.provide(serve(place, flags), Logger.layer([warnings(args)])))

const refusal = ({ message, reason }: Host.HostError) => {
  if (reason._tag === "ConfigUnusable" && reason.problems.length > 0) {
    return failed("rejected", "the host does not start: its configuration is refused", "correct what is named above", {
      problems: asWritten(reason.problems),
      source: reason.path,
    })
  }
  const [sentence, hint] = inSentences(line(message))
  switch (reason._tag) {
    case "LockHeld":
      return conflict("host-running", sentence, hint)
    case "PortTaken":
      return conflict("port-taken", sentence, hint)
    default:
      return failed("host", sentence, hint)
  }
}
