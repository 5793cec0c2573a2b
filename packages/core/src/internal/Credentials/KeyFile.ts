/**
 * Keys in a file (`KeyDocument.ts`) that several processes and people change: replaced whole and durably under `<file>.lock`, examined every second.
 * A text that is no key file replaces neither the active keys nor itself.
 */
import { Effect, FileSystem, Path } from "effect"
import { Digest, SecureRandom } from "effect/crypto"
import * as AtomicFile from "../../AtomicFile.ts"
import { EventBus } from "../../EventBus.ts"
import { FileLock } from "../../FileLock.ts"
import * as FileTrust from "../../FileTrust.ts"
import type { ManagedFile } from "../ManagedFile.ts"
import { makeRecentTexts } from "../RecentTexts.ts"
import { makeActiveKeys } from "./ActiveKeys.ts"
import { makeKeyOperations } from "./KeyChanges.ts"
import { watchKeyFile } from "./KeyFileWatch.ts"
import { makeChange } from "./KeyFileWriter.ts"

export const makeKeyFile = Effect.fnUntraced(function* (name: string) {
  const path = yield* Path.Path
  const digest = yield* Digest.Digest
  const random = yield* SecureRandom.SecureRandom
  const file: ManagedFile = {
    fs: yield* FileSystem.FileSystem,
    path,
    atomic: yield* AtomicFile.make,
    distrust: yield* FileTrust.make,
    texts: makeRecentTexts((bytes) => digest.digestHex(Digest.sha256, bytes)),
    name: path.resolve(name),
  }
  const active = makeActiveKeys(yield* EventBus)
  const { problem } = yield* watchKeyFile(file, active)
  return {
    ...makeKeyOperations(random, makeChange(file, active, yield* FileLock)),
    authenticate: active.authenticate,
    list: active.list,
    problem,
  }
})
