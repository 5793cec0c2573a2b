/**
 * Allows one host for each document, whatever name leads to it: a lock beside the real file, which the host holds in addition to `host.lock`. If a
 * symbolic link is changed while the host runs, the guard moves to the document that the name leads to now.
 */
import { lstatSync, readlinkSync, realpathSync } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import { FileLock } from "@signalbox/core/FileLock"
import { Effect, Exit, Scope } from "effect"
import { HostError, LockHeld } from "../../HostError.ts"

export interface DocumentGuard {
  /** Looks where the name leads now. Returns a sentence if another host serves that document. */
  readonly follow: Effect.Effect<string | undefined>
}

/** Fails with `LockHeld` if another host serves the document. A directory that cannot hold a lock file leaves the document unguarded, which is logged. */
export const makeDocumentGuard = Effect.fnUntraced(function* (
  config: string,
  timeout: "1 second",
): Effect.fn.Return<DocumentGuard, HostError, FileLock | Scope.Scope> {
  const locks = yield* FileLock
  const outer = yield* Effect.scope
  let held: { readonly real: string; readonly scope: Scope.Closeable } | undefined
  let unguarded = ""

  const take = Effect.fnUntraced(function* (real: string, timeout: "1 second" | 0) {
    const scope = yield* Scope.fork(outer)
    const path = `${real}.host.lock`
    const taken = yield* Effect.result(Scope.provide(locks.acquire(path, { timeout }), scope))
    if (taken._tag === "Success") {
      if (held !== undefined) yield* Scope.close(held.scope, Exit.void)
      held = { real, scope }
      return undefined
    }
    yield* Scope.close(scope, Exit.void)
    const { reason } = taken.failure
    if (reason._tag === "LockTimedOut") return { path, holder: reason.holder ?? "held by another process" }
    if (unguarded !== real) yield* Effect.logWarning(`${real} is not guarded against a second host: ${reason.detail}`)
    unguarded = real
    return undefined
  })

  const other = yield* take(realOf(config), timeout)
  if (other !== undefined) return yield* Effect.fail(new HostError({ reason: new LockHeld(other) }))
  return {
    follow: Effect.gen(function* () {
      const real = realOf(config)
      if (real === held?.real || real === unguarded) return undefined
      const other = yield* take(real, 0)
      return other === undefined
        ? undefined
        : `${config} leads to ${real} now, and ${other.path} is ${other.holder}: two hosts serve this document. Stop one of them.`
    }),
  }
})

/** The file that the name leads to, whether or not it exists. */
const realOf = (path: string, linksLeft = 40): string => {
  try {
    return realpathSync(path)
  } catch {
    const directory = realDirectoryOf(path)
    const name = join(directory, basename(path))
    return linksLeft > 0 && isLink(name) ? realOf(resolve(directory, readlinkSync(name)), linksLeft - 1) : name
  }
}

const realDirectoryOf = (path: string): string => {
  try {
    return realpathSync(dirname(path))
  } catch {
    return dirname(path)
  }
}

const isLink = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false
