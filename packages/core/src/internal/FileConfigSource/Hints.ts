/**
 * Noticing that the document may have changed. Every directory through which its name leads is watched; any event there, whatever it says,
 * is a reason to look. A poll stands behind that and carries on alone where nothing can be watched. Looking means comparing the text's
 * hash with the last one hinted or written: touching a file, or saving the same text again, is no change.
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
import { readText } from "../Files.ts"
import { followLinks } from "../LinkChain.ts"
import { fingerprint } from "../Place.ts"
import { rhythm, settled } from "../Settled.ts"
import { codeOf, type Site } from "../Site.ts"

/** How long an edit may go unnoticed where watching fails. */
export const POLL = Duration.seconds(5)

/** What this process wrote last. */
export interface OwnWrites {
  count: number
  hash: string
}

export interface Hints {
  readonly hints: Stream.Stream<void>
  /** Directories that cannot be watched now, and why. */
  readonly unwatched: ReadonlyMap<string, string>
  /** The host has read this text by itself. */
  readonly wasRead: (hash: string) => void
}

/** What the last look has found. */
interface Seen {
  hash: string
  /** The host has read another text since: what it has, and not what was seen, is what the next look must find. */
  doubted: boolean
}

export const makeHints = (site: Site, own: Readonly<OwnWrites>): Hints => {
  const unwatched = new Map<string, string>()
  // One for each listener.
  const all = new Set<Seen>()
  const hints = Stream.callback<void>(
    (queue) =>
      Effect.gen(function* () {
        const events = yield* Queue.sliding<void>(1)
        const { follow } = yield* makeWatching(site, unwatched, events)
        const seen: Seen = { hash: "", doubted: false }
        yield* Effect.acquireRelease(
          Effect.sync(() => all.add(seen)),
          () => Effect.sync(() => all.delete(seen)),
        )
        const changed = makeComparison(site, own, seen)
        yield* follow
        yield* changed("event")
        yield* Queue.offer(queue, undefined)
        while (true) {
          const event = yield* Effect.timeoutOption(Queue.take(events), POLL)
          if (Option.isSome(event)) yield* settled(Queue.take(events), rhythm)
          yield* follow
          if (yield* changed(Option.isSome(event) ? "event" : "poll")) yield* Queue.offer(queue, undefined)
        }
      }),
    { bufferSize: 1, strategy: "sliding" },
  )
  return {
    hints,
    unwatched,
    wasRead: (hash) => {
      for (const seen of all) if (hash !== seen.hash) seen.doubted = true
    },
  }
}

/** Whether there is another text than the one last seen. A poll trusts the fingerprint; after an event the text itself is read. */
const makeComparison = (site: Site, own: Readonly<OwnWrites>, seen: Seen) => {
  const look = Effect.match(readText(site, site.name), { onFailure: ({ code }) => code, onSuccess: ({ hash }) => hash })
  const glance = Effect.match(
    Effect.all([
      Effect.mapError(followLinks(site), ({ code }) => code),
      Effect.mapError(site.fs.stat(site.name), codeOf),
    ]),
    { onFailure: (code) => code, onSuccess: ([{ real }, info]) => `${real}:${fingerprint(info)}` },
  )
  let [print, ownCount] = ["", own.count]
  return Effect.fnUntraced(function* (reason: "event" | "poll") {
    const written = { ...own }
    const printed = yield* glance
    if (reason === "poll" && printed === print && !seen.doubted) return false
    const { doubted } = seen
    seen.doubted = false
    const found = yield* look
    print = printed
    // Our own write is what the host has already; measured before looking, so that an edit right after it is seen.
    const wrote = written.count !== ownCount
    if (wrote) seen.hash = written.hash
    ownCount = written.count
    if (found === seen.hash && (wrote || !doubted)) return false
    seen.hash = found
    return true
  })
}

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
  site: Site,
  unwatched: Map<string, string>,
  events: Queue.Queue<void>,
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
    const fiber = yield* site.fs.watch(directory, { onReady }).pipe(
      Stream.runForEach(() => Queue.offer(events, undefined)),
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
    const chain = yield* Effect.option(followLinks(site))
    if (Option.isNone(chain)) return
    const { directories } = chain.value
    for (const directory of unwatched.keys()) if (!directories.has(directory)) unwatched.delete(directory)
    for (const [directory, watcher] of watchers) if (!directories.has(directory)) yield* stop(directory, watcher)
    for (const directory of directories) {
      const info = yield* Effect.option(site.fs.stat(directory))
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
  `${directory} cannot be watched (${why}): an edit is noticed within ${Duration.format(POLL)} instead of at once`

const reasonOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  const code = PlatformError.isPlatformError(error) ? codeOf(error) : undefined
  const reason = `${code === undefined ? "" : `${code}, `}${error instanceof Error ? error.message : String(error)}`
  return /ENOSPC|EMFILE/.test(reason) ? `${reason}; the limit of watches is reached, see fs.inotify` : reason
}
