/**
 * Follows what other processes and people do to the file: a look each second, and a reading only where the look finds something new. There
 * is no watch: keys change rarely, and a watch would need a poll behind it anyway.
 */
import { Duration, Effect, Option, type Scope } from "effect"
import { fingerprint } from "../Place.ts"
import { codeOf, type Site } from "../Site.ts"
import type { CredentialsUnavailable } from "./CredentialsError.ts"
import type { InForce } from "./InForce.ts"
import { gone, readStanding, type Stands } from "./Reading.ts"

const interval = Duration.seconds(1)

export interface Watch {
  /** Why the keys in force are not those of the file. */
  readonly problem: Effect.Effect<CredentialsUnavailable | undefined>
}

export const makeWatch = Effect.fnUntraced(function* (
  site: Site,
  inForce: InForce,
): Effect.fn.Return<Watch, never, Scope.Scope> {
  let problem: CredentialsUnavailable | undefined
  let said: ReadonlyArray<string> = []
  let seen = ""
  // A file that changes twice within one tick of its file system's clock looks the same: what is new is read again at the next look.
  let settled = false

  const say = Effect.fnUntraced(function* (warnings: ReadonlyArray<string>) {
    const news = warnings.filter((warning) => !said.includes(warning))
    said = warnings
    yield* Effect.forEach(news, (warning) => Effect.logWarning(warning), { discard: true })
  })
  const refuse = Effect.fnUntraced(function* (error: CredentialsUnavailable, consequence: string) {
    const news = problem?.message !== error.message
    problem = error
    if (news) yield* Effect.logError(`${error.message} ${consequence}`)
  })
  const accept = Effect.fnUntraced(function* (stands: Option.Option<Stands>) {
    if (problem !== undefined) yield* Effect.logInfo(`The keys in ${site.name} are in force again.`)
    problem = undefined
    yield* say(Option.match(stands, { onNone: () => [], onSome: warningsOf(site) }))
  })

  const start = Effect.matchEffect(readStanding(site, site.name), {
    onFailure: (error) => refuse(error, "Until then every key is refused."),
    onSuccess: (stands) => {
      if (Option.isSome(stands)) inForce.begin(stands.value.kepts)
      return accept(stands)
    },
  })
  const read = Effect.gen(function* () {
    const since = inForce.version()
    const stands = yield* readStanding(site, site.name)
    if (Option.isNone(stands) && inForce.kepts().size > 0) return yield* Effect.fail(gone(site))
    yield* accept(stands)
    if (Option.isSome(stands)) yield* inForce.adopt(stands.value.kepts, since)
  })
  const look = Effect.gen(function* () {
    const now = yield* Effect.match(site.fs.stat(site.name), { onFailure: codeOf, onSuccess: fingerprint })
    if (now === seen && settled) return
    const failure = yield* Effect.match(read, { onFailure: (error) => error, onSuccess: () => undefined })
    if (failure !== undefined) yield* refuse(failure, "The keys that were in force stay in force.")
    // Whether the disk can be read again is not seen in a fingerprint.
    settled = now === seen && (failure === undefined || failure.code === "EINVAL")
    seen = now
  })

  yield* start
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(interval), look)))
  return { problem: Effect.sync(() => problem) }
})

const warningsOf =
  ({ name }: Site) =>
  ({ info, warnings }: Stands): ReadonlyArray<string> =>
    (info.mode & 0o077) === 0
      ? warnings
      : [
          ...warnings,
          `${name} is open to others (mode ${octal(info.mode)}): the next change of a key makes it 0600; chmod 600 does so now`,
        ]

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, "0")
