/** Checks the document and the keys: whether they can be read and decoded, and the warnings about them. */
import { statSync } from "node:fs"
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import { format } from "@signalbox/core/ConfigError"
import { Credentials } from "@signalbox/core/Credentials"
import { EventBus } from "@signalbox/core/EventBus"
import * as Signalbox from "@signalbox/node/Signalbox"
import { HostConfig } from "@signalbox/server/HostConfig"
import { Effect, Layer, Result } from "effect"
import { errorCode } from "../../errorCode.ts"
import { readInput } from "../../readInput.ts"
import type { Target } from "../../Target.ts"
import { type CheckResult, note, ok, problem } from "./CheckResult.ts"

export const documentChecks = ({ paths }: Target): Effect.Effect<ReadonlyArray<CheckResult>> =>
  Effect.map(Effect.all([contentChecks(paths.config), keysCheck(paths.credentials)]), ([content, keys]) => [
    ...content,
    keys,
  ])

const contentChecks = (path: string): Effect.Effect<ReadonlyArray<CheckResult>> =>
  isMissing(path)
    ? Effect.succeed([note("content", "there is no document yet", "`signalbox serve` writes a first one")])
    : Effect.match(readInput(path), {
        onFailure: ({ hint, message }) => [problem("content", message, hint ?? "replace the file")],
        onSuccess: ({ text }) => decodeChecks(path, text),
      })

const isMissing = (path: string): boolean => {
  try {
    statSync(path)
    return false
  } catch (error) {
    return errorCode(error) === "ENOENT"
  }
}

const decodeChecks = (path: string, text: string): ReadonlyArray<CheckResult> => {
  const loaded = ConfigDocument.make(HostConfig).load(text, {})
  if (Result.isFailure(loaded)) {
    return loaded.failure.map((found) =>
      problem(
        "content",
        format(path, found),
        "correct it and save; until then a host serves the last accepted document, if there is one",
      ),
    )
  }
  const { warnings } = loaded.success
  return warnings.length === 0
    ? [ok("content", "the document is valid")]
    : warnings.map((warning) => note("content", format(path, warning)))
}

const keysCheck = (path: string): Effect.Effect<CheckResult> =>
  Effect.flatMap(Credentials, ({ list, problem }) => Effect.all({ list, problem })).pipe(
    Effect.map(({ list, problem: found }) =>
      found === undefined
        ? ok("keys", list.length === 0 ? "none" : `${list.length} in force`)
        : problem(
            "keys",
            `${found.path}: ${found.detail} (${found.code})`,
            `every key is refused until then: ${found.code === "EACCES" ? "give this user the right to read it" : "correct or move the file"}`,
          ),
    ),
    Effect.provide(
      Credentials.layerAt(path).pipe(Layer.provide(EventBus.layer), Layer.provide(Signalbox.layerPlatform)),
    ),
  )
