/** Opens the configuration for a command: the running host's if there is one, else the files. */
import { Effect } from "effect"
import type { ConfigAccess } from "./ConfigAccess.ts"
import { type Failure, hostSilent } from "./Failure.ts"
import type { TargetFlags } from "./GlobalFlags.ts"
import { hostConfig } from "./HostConfigAccess.ts"
import { hostOf, silentHostOf, target } from "./Target.ts"

/** `intent`: whether files may be created or changed. */
export const withConfig = <A, E, R>(
  intent: "read" | "write",
  use: (access: ConfigAccess) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E | Failure, R | TargetFlags> =>
  Effect.gen(function* () {
    const document = yield* target
    const host = yield* hostOf(document)
    if (host !== undefined) return yield* use(hostConfig(host))
    const silent = silentHostOf(document)
    if (silent !== undefined && intent === "write") {
      yield* Effect.logWarning(`${hostSilent(silent).message}: this changes the files, which the host follows`)
    }
    const { withFileConfig } = yield* Effect.promise(() => import("./FileConfigAccess.ts"))
    return yield* withFileConfig(document, intent, use)
  })
