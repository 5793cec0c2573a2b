/** `serve`: runs the host in this process. */
import * as Host from "@signalbox/server/Host"
import { Effect } from "effect"
import { conflict, failed, splitHint } from "../Failure.ts"
import { requireWritable } from "../FilePermissions.ts"
import { ignoringSignals } from "../runMain.ts"
import { withVariableNames } from "../storeFailure.ts"
import { localTarget } from "../Target.ts"
import { escapeLine } from "../TextFormat.ts"

interface Input {
  /** `undefined`: the port in the configuration. */
  readonly port: number | undefined
  readonly strict: boolean
  readonly logFormat: "text" | "json"
}

/** In a clone of the repository the command is not on the PATH. */
const command = import.meta.url.endsWith(".ts") ? "npm run -s signalbox --" : "signalbox"

/** The host handles signals itself: it drains on the first and ends on the second. */
export const serve = Effect.fnUntraced(function* ({ logFormat, port, strict }: Input) {
  const { paths } = yield* localTarget("run a host")
  // The document itself may be read-only, but the host must be able to write beside it.
  yield* requireWritable(paths.lock)
  const host = Host.serve({
    config: paths.config,
    strict,
    logFormat,
    command,
    ...(port === undefined ? {} : { port }),
  })
  yield* Effect.mapError(ignoringSignals(host), hostFailure)
})

const hostFailure = ({ message, reason }: Host.HostError) => {
  if (reason._tag === "ConfigUnusable" && reason.problems.length > 0) {
    return failed("rejected", "the host does not start: its configuration is refused", "correct the problems above", {
      problems: withVariableNames(reason.problems),
      source: reason.path,
    })
  }
  const [sentence, hint] = splitHint(escapeLine(message))
  switch (reason._tag) {
    case "LockHeld":
      return conflict("host-running", sentence, hint)
    case "PortTaken":
      return conflict("port-taken", sentence, hint)
    default:
      return failed("host", sentence, hint)
  }
}
