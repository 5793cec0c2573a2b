/** One file that Signalbox keeps, such as the configuration document or the keys, and the services that work on it. */
import { Effect, type FileSystem, type Path, type PlatformError } from "effect"
import { type AtomicFile, errorCode, errorDetail } from "../AtomicFile.ts"
import { SourceUnavailable } from "../ConfigError.ts"
import type { Distrust } from "../FileTrust.ts"
import type { RecentTexts } from "./RecentTexts.ts"

export interface ManagedFile {
  readonly fs: FileSystem.FileSystem
  readonly path: Path.Path
  readonly atomic: AtomicFile
  readonly texts: RecentTexts
  readonly distrust: Distrust
  /** The absolute path as the host named it. It may lead through symbolic links. */
  readonly name: string
}

export const unavailable =
  (path: string) =>
  (error: PlatformError.PlatformError): SourceUnavailable =>
    new SourceUnavailable({ path, code: errorCode(error), detail: errorDetail(error) })

/** Reports a failure at `path` as `unavailable` does, and succeeds with `value` if the file is missing. */
export const orMissing =
  <const B>(path: string, value: B) =>
  <A>(effect: Effect.Effect<A, PlatformError.PlatformError>): Effect.Effect<A | B, SourceUnavailable> =>
    Effect.catch(effect, (error) =>
      errorCode(error) === "ENOENT" ? Effect.succeed(value) : Effect.fail(unavailable(path)(error)),
    )
