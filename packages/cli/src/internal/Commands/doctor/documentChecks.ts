/** The document and the keys: whether they can be understood, and what about them is worth a look. */
import { statSync } from "node:fs"
import { ConfigDocument } from "@signalbox/core/ConfigDocument"
import { format } from "@signalbox/core/ConfigError"
import { Credentials } from "@signalbox/core/Credentials"
import { EventBus } from "@signalbox/core/EventBus"
import * as Signalbox from "@signalbox/node/Signalbox"
import { HostConfig } from "@signalbox/server/HostConfig"
import { Effect, Layer, Result } from "effect"
import type { Where } from "../../ConfigAccess.ts"
import { codeOf } from "../../errorCode.ts"
import { readGiven } from "../../InputText.ts"
import { type Finding, note, ok, problem } from "./Check.ts"

export const documentFindings = ({ place }: Where): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.map(Effect.all([documentAt(place.config), keys(place.credentials)]), ([document, keys]) => [...document, keys])

const documentAt = (path: string): Effect.Effect<ReadonlyArray<Finding>> =>
  isMissing(path)
    ? Effect.succeed([note("content", "there is no document yet", "`signalbox serve` writes one to begin with")])
    : Effect.match(readGiven(path), {
        onFailure: ({ hint, message }) => [problem("content", message, hint ?? "put another one there")],
        onSuccess: ({ text }) => judged(path, text),
      })

const isMissing = (path: string): boolean => {
  try {
    statSync(path)
    return false
  } catch (error) {
    return codeOf(error) === "ENOENT"
  }
}

const judged = (path: string, text: string): ReadonlyArray<Finding> => {
  const loaded = ConfigDocument.make(HostConfig).load(text, {})
  if (Result.isFailure(loaded)) {
    return loaded.failure.map((place) =>
      problem(
        "content",
        format(path, place),
        "correct it and save; until then a host serves the last one that was accepted, if there is one",
      ),
    )
  }
  const { warnings } = loaded.success
  return warnings.length === 0
    ? [ok("content", "the document is understood")]
    : warnings.map((warning) => note("content", format(path, warning)))
}

const keys = (path: string): Effect.Effect<Finding> =>
  Effect.flatMap(Credentials, ({ list, problem }) => Effect.all({ list, problem })).pipe(
    Effect.map(({ list, problem: trouble }) =>
      trouble === undefined
        ? ok("keys", list.length === 0 ? "none" : `${list.length} in force`)
        : problem(
            "keys",
            `${trouble.path}: ${trouble.detail} (${trouble.code})`,
            `until it is put right nobody gets in by it: ${trouble.code === "EACCES" ? "give this user the right to read it" : "correct or move the file"}`,
          ),
    ),
    Effect.provide(
      Credentials.layerAt(path).pipe(Layer.provide(EventBus.layer), Layer.provide(Signalbox.layerPlatform)),
    ),
  )
