/**
 * Notices that the document may have changed. Every directory through which its name leads is watched, and any event there is a reason to look. A
 * poll backs the watches up, and works alone where nothing can be watched. To look means to compare the text's hash with the last one that was hinted
 * or written: touching the file, or saving the same text again, is no change.
 */
import {
  Cause,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Option,
  PlatformError,
  Queue,
  type Scope,
  Stream,
} from "effect"
import { errorCode } from "../../AtomicFile.ts"
import { mountedFileProblem, mountsPath } from "../../MountedFile.ts"
import { type Debounce, makeDebounce, type Sight } from "../Debounce.ts"
import { fingerprint } from "../FileIdentity.ts"
import { followLinks } from "../LinkChain.ts"
import type { ManagedFile } from "../ManagedFile.ts"
import { readText } from "../ReadText.ts"

/** How long an edit may go unnoticed where watching fails. */
const poll = Duration.seconds(5)

/** The last write of this process. */
export interface OwnWrites {
  count: number
  hash: string
}

export interface Hints {
  readonly hints: Stream.Stream<void>
  /** Directories that cannot be watched now, and why. */
  readonly unwatched: ReadonlyMap<string, string>
  /** Why the document, as a mount point, is a problem. */
  readonly mountProblem: () => string | undefined
  /** The host has read this text by itself. */
  readonly onRead: (hash: string) => void
}

/** The result of the last look. */
interface Seen {
  hash: string
  /** The host has read another text since then: the next look must find that text, and not the one that was seen. */
  isOutdated: boolean
}

export const makeHints = (document: ManagedFile, own: Readonly<OwnWrites>): Hints => {
  const unwatched = new Map<string, string>()
  let mountProblem: string | undefined
  const lookAtMount = Effect.gen(function* () {
    const { fs } = document
    const mounts = yield* fs.readFileString(mountsPath)
    const problem = mountedFileProblem(mounts, (yield* followLinks(document)).real)
    if (problem !== undefined && problem !== mountProblem) yield* Effect.logWarning(problem)
    mountProblem = problem
  }).pipe(Effect.ignore)
  // One for each listener.
  const all = new Set<Seen>()
  const hints = Stream.callback<void>(
    (queue) =>
      Effect.gen(function* () {
        const events = yield* makeDebounce
        const { follow } = yield* makeWatching(document, unwatched, events, () => mountProblem !== undefined)
        const seen: Seen = { hash: "", isOutdated: false }
        yield* Effect.acquireRelease(
          Effect.sync(() => all.add(seen)),
          () => Effect.sync(() => all.delete(seen)),
        )
        const glance = glanceAt(document)
        const changed = makeComparison(document, own, seen, glance)
        yield* lookAtMount
        yield* follow
        yield* changed("event")
        yield* Queue.offer(queue, undefined)
        while (true) {
          const event = yield* Effect.timeoutOption(events.signalled, poll)
          if (Option.isSome(event)) yield* events.standStill(glance)
          if (mountProblem !== undefined || Option.isNone(event)) yield* lookAtMount
          yield* follow
          if (yield* changed(Option.isSome(event) ? "event" : "poll")) yield* Queue.offer(queue, undefined)
        }
      }),
    { bufferSize: 1, strategy: "sliding" },
  )
  return {
    hints,
    unwatched,
    mountProblem: () => mountProblem,
    onRead: (hash) => {
      for (const seen of all) if (hash !== seen.hash) seen.isOutdated = true
    },
  }
}

/** Whether there is another text than the one last seen. A poll trusts the fingerprint; after an event the text itself is read. */
const makeComparison = (document: ManagedFile, own: Readonly<OwnWrites>, seen: Seen, glance: Effect.Effect<Sight>) => {
  const look = Effect.match(readText(document, document.name), {
    onFailure: ({ code }) => code,
    onSuccess: ({ hash }) => hash,
  })
  let [print, ownCount] = ["", own.count]
  return Effect.fnUntraced(function* (reason: "event" | "poll") {
    const written = { ...own }
    const { print: printed } = yield* glance
    if (reason === "poll" && printed === print && !seen.isOutdated) return false
    const { isOutdated } = seen
    seen.isOutdated = false
    const found = yield* look
    print = printed
    // Our own write is what the host has already; measured before looking, so that an edit right after it is seen.
    const wrote = written.count !== ownCount
    if (wrote) seen.hash = written.hash
    ownCount = written.count
    if (found === seen.hash && (wrote || !isOutdated)) return false
    seen.hash = found
    return true
  })
}

const glanceAt = (document: ManagedFile): Effect.Effect<Sight> =>
  Effect.match(
    Effect.all([
      Effect.mapError(followLinks(document), ({ code }) => code),
      Effect.mapError(document.fs.stat(document.name), errorCode),
    ]),
    {
      onFailure: (code) => ({ file: code, print: code }),
      onSuccess: ([{ real }, info]) => ({
        file: `${real}:${info.dev}:${Option.getOrUndefined(info.ino)}`,
        print: `${real}:${fingerprint(info)}`,
      }),
    },
  )

interface Watcher {
  readonly inode: string
  readonly fiber: Fiber.Fiber<void>
  ended: boolean
}

/**
 * `follow` brings the watches up to date: the chain may lead elsewhere, and a directory that was deleted and made again
 * leaves its watch alive and blind, hence the comparison of inodes. When it returns, what can be watched is being watched.
 */
const makeWatching = Effect.fnUntraced(function* (
  document: ManagedFile,
  unwatched: Map<string, string>,
  events: Debounce,
  isMounted: () => boolean,
): Effect.fn.Return<{ readonly follow: Effect.Effect<void> }, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const watchers = new Map<string, Watcher>()
  yield* Effect.addFinalizer(() => Effect.sync(() => unwatched.clear()))

  const start = Effect.fnUntraced(function* (directory: string, inode: string) {
    const ready = Deferred.makeUnsafe<void>()
    const onReady = () => {
      unwatched.delete(directory)
      Deferred.doneUnsafe(ready, Effect.void)
    }
    const fiber = yield* document.fs.watch(directory, { onReady }).pipe(
      Stream.runForEachArray(() => events.signal),
      Effect.exit,
      Effect.flatMap((exit) => ended(directory, exit)),
      Effect.ensuring(Deferred.succeed(ready, undefined)),
      Effect.forkIn(scope),
    )
    watchers.set(directory, { inode, fiber, ended: false })
    yield* Deferred.await(ready)
  })
  // The limit of watches is thrown by Node, so it arrives as a defect.
  const ended = (directory: string, exit: Exit.Exit<unknown, unknown>) =>
    Effect.suspend(() => {
      const watcher = watchers.get(directory)
      if (watcher !== undefined) watcher.ended = true
      if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)) return Effect.void
      const why = Exit.isFailure(exit) ? reasonOf(exit.cause) : "the watch ended"
      const news = unwatched.get(directory) !== why
      unwatched.set(directory, why)
      return news ? Effect.logWarning(cannotWatch(directory, why)) : Effect.void
    })
  const stop = (directory: string, { fiber }: Watcher) =>
    Effect.suspend(() => {
      watchers.delete(directory)
      return Fiber.interrupt(fiber)
    })

  const follow = Effect.gen(function* () {
    const chain = yield* Effect.option(followLinks(document))
    if (Option.isNone(chain)) return
    // The directory of a mounted file has no event when a program outside saves the file in place.
    const directories = isMounted() ? new Set([...chain.value.directories, chain.value.real]) : chain.value.directories
    for (const directory of unwatched.keys()) if (!directories.has(directory)) unwatched.delete(directory)
    for (const [directory, watcher] of watchers) if (!directories.has(directory)) yield* stop(directory, watcher)
    for (const directory of directories) {
      const info = yield* Effect.option(document.fs.stat(directory))
      const watcher = watchers.get(directory)
      const inode = Option.match(info, {
        onNone: () => "",
        onSome: ({ dev, ino }) => `${dev}:${Option.getOrUndefined(ino)}`,
      })
      if (watcher !== undefined) {
        if (!watcher.ended && watcher.inode === inode) continue
        yield* stop(directory, watcher)
      }
      if (Option.isSome(info)) yield* start(directory, inode)
    }
  })
  return { follow }
})

export const cannotWatch = (directory: string, why: string): string =>
  `${directory} cannot be watched (${why}): an edit is noticed within ${Duration.format(poll)} instead of at once`

const reasonOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  const code = PlatformError.isPlatformError(error) ? errorCode(error) : undefined
  const reason = `${code === undefined ? "" : `${code}, `}${error instanceof Error ? error.message : String(error)}`
  return /ENOSPC|EMFILE/.test(reason) ? `${reason}; the limit of watches is reached, see fs.inotify` : reason
}
