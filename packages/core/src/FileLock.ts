/** A lock that excludes across processes and is free again as soon as its holder is dead (P12). */
import type { Duration, Effect, Scope } from "effect"
import { Context, Schema } from "effect"

/** Somebody else held it for the whole timeout. */
export class LockTimedOut extends Schema.TaggedClass<LockTimedOut>()("LockTimedOut", {
  path: Schema.String,
  timeoutMillis: Schema.Number,
  /** What the holder wrote into the file for people, if anything. */
  holder: Schema.optionalKey(Schema.String),
}) {}

/** No lock can be had there at all: no mechanism, no permission, no such directory. */
export class LockUnavailable extends Schema.TaggedClass<LockUnavailable>()("LockUnavailable", {
  path: Schema.String,
  detail: Schema.String,
}) {}

export class FileLockError extends Schema.TaggedError<FileLockError>()("FileLockError", {
  reason: Schema.Union([LockTimedOut, LockUnavailable]),
}) {}

export interface LockOptions {
  /** Default `exclusive`. */
  readonly mode?: "exclusive" | "shared"
  /** Default 10 seconds. Zero tries once. */
  readonly timeout?: Duration.Input
}

export class FileLock extends Context.Service<
  FileLock,
  {
    /** Holds the lock file `path` (created 0600, never deleted) until the Scope closes. */
    readonly acquire: (path: string, options?: LockOptions) => Effect.Effect<void, FileLockError, Scope.Scope>
    /** Holds it while the effect runs. */
    readonly withLock: (
      path: string,
      options?: LockOptions,
    ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | FileLockError, R>
  }
>()("@signalbox/core/FileLock") {}
