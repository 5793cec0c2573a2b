/** `serve`: the host itself, in this process. */
import * as Host from "@signalbox/server/Host"
import { Effect, Option } from "effect"
import { mustBeWritable } from "./Access/Rights.ts"
import { asWritten } from "./Access/StoreAnswers.ts"
import { where } from "./Access.ts"
import { conflict, failed, inSentences } from "./Failure.ts"
import { withoutSignals } from "./Main.ts"
import { line } from "./Shown.ts"

interface Serve {
  readonly port: Option.Option<number>
  readonly strict: boolean
  readonly logFormat: "text" | "json"
}

/** In a clone of the repository nothing is on the PATH. */
const command = import.meta.url.endsWith(".ts") ? "npm run -s signalbox --" : "signalbox"

/** Signals are the host's: it drains on the first and ends on the second. */
export const serve = Effect.fnUntraced(function* ({ logFormat, port, strict }: Serve) {
  const { place } = yield* where
  // Before the host says less of it. The document itself it need not be able to write.
  yield* mustBeWritable(place.lock)
  const host = Host.serve({
    config: place.config,
    strict,
    logFormat,
    command,
    ...(Option.isSome(port) ? { port: port.value } : {}),
  })
  yield* Effect.mapError(withoutSignals(host), refusal)
})

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
