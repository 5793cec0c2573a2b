/**
 * A lock that excludes across processes and is free again as soon as its holder is dead (P12). Within a process it is served in the order
 * of asking; among processes there is no order. It does not nest: whoever asks again for what it holds waits for itself until the timeout.
 */
import { Context, Duration, Effect, Layer, Schema, type Scope } from "effect"
import { type Mode, type Restore, Turns } from "./FileLockTurns.ts"

/** Somebody else held it for the whole timeout. */
export class LockTimedOut extends Schema.TaggedClass<LockTimedOut>()("LockTimedOut", {
  path: Schema.String,
  timeoutMillis: Schema.Finite,
  /** Who it was, as far as is known: `held by pid 4711, started 2026-01-31T12:00:00.000Z`. For people. */
  holder: Schema.optionalKey(Schema.String),
}) {
  get message(): string {
    const waited =
      this.timeoutMillis > 0
        ? `was still locked after ${Duration.format(Duration.millis(this.timeoutMillis))}`
        : "is locked"
    const holder = this.holder === undefined ? "" : ` (${this.holder})`
    return `${this.path} ${waited}${holder}; try again when its holder is done, or end that process: the lock goes with it`
  }
}

/** No lock can be had there at all: no mechanism, no permission, no such directory. */
export class LockUnavailable extends Schema.TaggedClass<LockUnavailable>()("LockUnavailable", {
  path: Schema.String,
  /** What is wrong and what to do about it. */
  detail: Schema.String,
}) {
  get message(): string {
    return `${this.path} cannot be locked: ${this.detail}`
  }
}

/** Why a lock is not had. Nothing is held then. */
export class FileLockError extends Schema.TaggedError<FileLockError>()("FileLockError", {
  reason: Schema.Union([LockTimedOut, LockUnavailable]),
}) {
  override get message(): string {
    return this.reason.message
  }
}

/** How to ask for a lock. */
export interface LockOptions {
  /** Default `exclusive`. */
  readonly mode?: Mode
  /** Default 10 seconds. Zero tries once. */
  readonly timeout?: Duration.Input
}

/** Exclusion by a lock file; the kernel's is `NodeFileLock` in `@signalbox/node`. */
export class FileLock extends Context.Service<
  FileLock,
  {
    /** Holds the lock file `path` (created 0600, never deleted) until the Scope closes. `LockTimedOut` after the timeout, `LockUnavailable` at once. */
    readonly acquire: (path: string, options?: LockOptions) => Effect.Effect<void, FileLockError, Scope.Scope>
    /** Holds it while the effect runs. */
    readonly withLock: (
      path: string,
      options?: LockOptions,
    ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | FileLockError, R>
  }
>()("@signalbox/core/FileLock") {
  /** Locks of this layer alone: a path is its spelling, and nothing touches a disk. */
  static readonly layerMemory: Layer.Layer<FileLock> = Layer.sync(FileLock, () => {
    const turns = new Turns()
    const release = (path: string, mode: Mode) => () => turns.release(path, mode)
    return fromMechanism({
      tryTake: (path, mode) => (turns.tryTake(path, mode) ? release(path, mode) : undefined),
      take: (path, mode, timeoutMillis, restore) =>
        Effect.flatMap(turns.take(path, mode, timeoutMillis, restore), (taken) =>
          taken
            ? Effect.succeed(release(path, mode))
            : Effect.fail(
                new FileLockError({
                  reason: new LockTimedOut({ path, timeoutMillis, holder: "held by this process" }),
                }),
              ),
        ),
    })
  })
}

/** How an implementation takes a lock; both answer how to let it go, which cannot fail and is called once. */
export interface LockMechanism {
  /** At once and without a fiber, or `undefined`: then `take` is asked, and it alone reports errors. */
  readonly tryTake: (path: string, mode: Mode) => (() => void) | undefined
  /** Runs uninterruptibly; it may be interrupted, holding nothing, where it says `restore`. The timeout may be infinite. */
  readonly take: (
    path: string,
    mode: Mode,
    timeoutMillis: number,
    restore: Restore,
  ) => Effect.Effect<() => void, FileLockError>
}

/** The service over a mechanism. */
export const fromMechanism = (mechanism: LockMechanism): FileLock["Service"] => {
  const take = (path: string, options: LockOptions | undefined, restore: Restore) => {
    const mode = options?.mode ?? "exclusive"
    // A span costs more than a free lock: there is one only where there is a wait to be seen.
    return mechanism
      .take(path, mode, Duration.toMillis(options?.timeout ?? "10 seconds"), restore)
      .pipe(Effect.withSpan("FileLock.acquire", { attributes: { "lock.path": path, "lock.mode": mode } }))
  }
  return FileLock.of({
    acquire: (path, options) =>
      Effect.uninterruptibleMask((restore) => {
        const release = mechanism.tryTake(path, options?.mode ?? "exclusive")
        const taken = release === undefined ? take(path, options, restore) : Effect.succeed(release)
        return Effect.flatMap(taken, (release) => Effect.addFinalizer(() => Effect.sync(release)))
      }),
    withLock: (path, options) => (effect) =>
      Effect.uninterruptibleMask((restore) => {
        const during = (release: () => void) =>
          Effect.onExit(restore(effect), () => {
            release()
            return Effect.void
          })
        const release = mechanism.tryTake(path, options?.mode ?? "exclusive")
        return release === undefined ? Effect.flatMap(take(path, options, restore), during) : during(release)
      }),
  })
}
