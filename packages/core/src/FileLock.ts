/**
 * A lock that excludes across processes and is free as soon as its holder has died. Within a process requests are served in their order; between
 * processes there is no order. It does not nest: a holder that asks again for the same lock waits for itself until the timeout.
 */
import { Context, Duration, Effect, Layer, Schema, type Scope } from "effect"
import { KeyedLock, type Mode, type Restore } from "./KeyedLock.ts"

/** Another holder kept the lock for the whole timeout. */
export class LockTimedOut extends Schema.TaggedClass<LockTimedOut>()("LockTimedOut", {
  path: Schema.String,
  timeoutMillis: Schema.Finite,
  /** The holder, if it is known: `held by pid 4711, started 2026-01-31T12:00:00.000Z`. For people. */
  holder: Schema.optionalKey(Schema.String),
}) {
  /** The message without the advice, for messages that have their own. */
  get situation(): string {
    const waited =
      this.timeoutMillis > 0
        ? `was still locked after ${Duration.format(Duration.millis(this.timeoutMillis))}`
        : "is locked"
    const holder = this.holder === undefined ? "" : ` (${this.holder})`
    return `${this.path} ${waited}${holder}`
  }

  get message(): string {
    return `${this.situation}; try again when its holder is done, or end that process: the lock goes with it`
  }
}

/** Locking is impossible there: no mechanism, no permission, no such directory. */
export class LockUnavailable extends Schema.TaggedClass<LockUnavailable>()("LockUnavailable", {
  path: Schema.String,
  /** The problem and the remedy. */
  detail: Schema.String,
}) {
  get message(): string {
    return `${this.path} cannot be locked: ${this.detail}`
  }
}

/** The lock was not taken. Nothing is held then. */
export class FileLockError extends Schema.TaggedError<FileLockError>()("FileLockError", {
  reason: Schema.Union([LockTimedOut, LockUnavailable]),
}) {
  override get message(): string {
    return this.reason.message
  }
}

/** Options of a lock. */
export interface LockOptions {
  /** Default: `exclusive`. */
  readonly mode?: Mode
  /** Default: 10 seconds. Zero tries once. */
  readonly timeout?: Duration.Input
}

/**
 * Mutual exclusion by lock files. `NodeFileLock` in `@signalbox/node` implements it with the kernel's flock(2).
 *
 * **Example** (Running an effect under a lock)
 *
 * ```ts
 * import { FileLock } from "@signalbox/core"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const { withLock } = yield* FileLock
 *   let balance = 100
 *   const withdraw = withLock("/var/lib/app/balance.lock", { timeout: "2 seconds" })(
 *     Effect.sync(() => {
 *       balance -= 10
 *     }),
 *   )
 *   yield* Effect.all([withdraw, withdraw, withdraw], { concurrency: "unbounded" })
 *   return balance
 * })
 *
 * const balance = await Effect.runPromise(Effect.provide(program, FileLock.layerMemory))
 * if (balance !== 70) throw new Error(String(balance))
 * ```
 */
export class FileLock extends Context.Service<
  FileLock,
  {
    /**
     * Takes the lock file `path` and holds it until the Scope closes. The file is created with mode 0600 and never deleted. Fails with `LockTimedOut`
     * after the timeout, with `LockUnavailable` at once.
     */
    readonly acquire: (path: string, options?: LockOptions) => Effect.Effect<void, FileLockError, Scope.Scope>
    /** Runs an effect while holding the lock. Fails as `acquire` does, without running the effect. */
    readonly withLock: (
      path: string,
      options?: LockOptions,
    ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | FileLockError, R>
  }
>()("@signalbox/core/FileLock") {
  /** Locks within this layer: the text of the path is the key, and no disk is used. */
  static readonly layerMemory: Layer.Layer<FileLock> = Layer.sync(FileLock, () => {
    const locks = new KeyedLock()
    const release = (path: string, mode: Mode) => () => locks.release(path, mode)
    return fromMechanism({
      tryTake: (path, mode) => (locks.tryTake(path, mode) ? release(path, mode) : undefined),
      take: (path, mode, timeoutMillis, restore) =>
        Effect.flatMap(locks.take(path, mode, timeoutMillis, restore), (taken) =>
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

/** The operations of an implementation. Both return the release function, which cannot fail and is called once. */
export interface LockMechanism {
  /** Takes the lock at once. `undefined`: use `take`, which alone reports errors. */
  readonly tryTake: (path: string, mode: Mode) => (() => void) | undefined
  /** Waits for the lock. Runs uninterruptibly except in `restore`, where it must hold nothing. The timeout may be infinite. */
  readonly take: (
    path: string,
    mode: Mode,
    timeoutMillis: number,
    restore: Restore,
  ) => Effect.Effect<() => void, FileLockError>
}

/** Makes the service from a mechanism. */
export const fromMechanism = (mechanism: LockMechanism): FileLock["Service"] => {
  const take = (path: string, options: LockOptions | undefined, restore: Restore) => {
    const mode = options?.mode ?? "exclusive"
    // A span costs more than a free lock, so only a wait has one.
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
