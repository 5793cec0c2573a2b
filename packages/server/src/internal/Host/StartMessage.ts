/** Announces that the host listens: in the note of its lock for the command line, and as text or JSON on its output. */
import { dataDirectory } from "@signalbox/core/DataDirectory"
import { Effect, Layer, Path } from "effect"
import { HostConfig } from "../../HostConfig.ts"
import type { HostPaths } from "../../HostPaths.ts"
import { Listening } from "../../Listening.ts"
import { HostLock } from "../HostLock.ts"
import { banner } from "./Banner.ts"
import { HostOutput } from "./HostOutput.ts"

export const layerAt = (paths: HostPaths, command = "signalbox") =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const lock = yield* HostLock
      const output = yield* HostOutput
      const path = yield* Path.Path
      const { url } = yield* Listening
      const store = yield* HostConfig
      const { config, hash } = yield* store.snapshot
      const lastGood = (yield* store.problems).length > 0 ? hash : undefined
      yield* lock.writeNote(url)
      const defaultDirectory = yield* Effect.option(dataDirectory("signalbox"))
      const facts = {
        command,
        url,
        config: paths.config,
        isNew: lock.isNew,
        lastGood,
        isDefaultPath:
          defaultDirectory._tag === "Some" && path.join(defaultDirectory.value, "config.json") === paths.config,
        alias: aliasToTry(config),
        auth: config.features.auth,
      }
      yield* output.write(
        output.format === "json"
          ? {
              text: `Listening on ${url}`,
              data: { url, document: paths.config, firstStart: lock.isNew, refused: lastGood !== undefined },
            }
          : { text: banner(facts) },
      )
    }),
  )

const aliasToTry = ({ models, providers }: (typeof HostConfig)["schema"]["Type"]): string | undefined => {
  const usable = Object.entries(models).filter(([, model]) => model.enabled)
  const [first] = usable.find(([, model]) => providers[model.provider]?.kind === "echo") ?? usable[0] ?? []
  return first
}
