/**
 * Keys in a file (`KeyFile.ts`) that several processes and people change: written whole and durably under `<file>.lock`, looked at every
 * second. What cannot be understood replaces nothing, neither what is in force nor itself.
 */
import { Effect, FileSystem, Path } from "effect"
import { Digest, SecureRandom } from "effect/crypto"
import { EventBus } from "../../EventBus.ts"
import { FileLock } from "../../FileLock.ts"
import type { Site } from "../Site.ts"
import { makeInForce } from "./InForce.ts"
import { changing } from "./Key.ts"
import { makeWatch } from "./Watch.ts"
import { makeChange } from "./Writer.ts"

export const makeFile = Effect.fnUntraced(function* (file: string) {
  const path = yield* Path.Path
  const digest = yield* Digest.Digest
  const random = yield* SecureRandom.SecureRandom
  const site: Site = {
    fs: yield* FileSystem.FileSystem,
    path,
    exchange: undefined,
    hashBytes: (bytes) => digest.digestHex(Digest.sha256, bytes),
    name: path.resolve(file),
  }
  const inForce = makeInForce(yield* EventBus)
  const { problem } = yield* makeWatch(site, inForce)
  return {
    ...changing(random, makeChange(site, inForce, yield* FileLock)),
    authenticate: inForce.authenticate,
    list: inForce.list,
    problem,
  }
})
