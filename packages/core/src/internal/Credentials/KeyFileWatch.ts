/**
 * Follows changes of the key file by other processes and people: a look each second, and a read only if the look finds a difference. Directory
 * watches would save little, because keys change rarely and a watch needs a poll behind it.
 */
import { Duration, Effect, Option, type Scope } from "effect"
import { errorCode } from "../../AtomicFile.ts"
import { fingerprint } from "../FileIdentity.ts"
import type { ManagedFile } from "../ManagedFile.ts"
import type { ActiveKeys } from "./ActiveKeys.ts"
import type { CredentialsUnavailable } from "./CredentialsError.ts"
import { type KeyFileContent, missing, readKeyFile } from "./ReadKeyFile.ts"

const interval = Duration.seconds(1)

export interface KeyFileWatch {
  /** Why the active keys are not those of the file. */
  readonly problem: Effect.Effect<CredentialsUnavailable | undefined>
}

export const watchKeyFile = Effect.fnUntraced(function* (
  file: ManagedFile,
  active: ActiveKeys,
): Effect.fn.Return<KeyFileWatch, never, Scope.Scope> {
  let problem: CredentialsUnavailable | undefined
  let logged: ReadonlyArray<string> = []
  let seen = ""
  // A file that changes twice within one tick of its file system's clock looks the same: a changed file is read again at the next look.
  let isStable = false

  const warn = Effect.fnUntraced(function* (warnings: ReadonlyArray<string>) {
    const news = warnings.filter((warning) => !logged.includes(warning))
    logged = warnings
    yield* Effect.forEach(news, (warning) => Effect.logWarning(warning), { discard: true })
  })
  const refuse = Effect.fnUntraced(function* (error: CredentialsUnavailable, consequence: string) {
    const isNew = problem?.message !== error.message
    problem = error
    if (isNew) yield* Effect.logError(`${error.message} ${consequence}`)
  })
  const accept = Effect.fnUntraced(function* (content: Option.Option<KeyFileContent>) {
    if (problem !== undefined) yield* Effect.logInfo(`The keys in ${file.name} are in force again.`)
    problem = undefined
    yield* warn(Option.match(content, { onNone: () => [], onSome: warningsOf(file) }))
  })

  const start = Effect.matchEffect(readKeyFile(file, file.name), {
    onFailure: (error) => refuse(error, "Until then every key is refused."),
    onSuccess: (content) => {
      if (Option.isSome(content)) active.initialize(content.value.keys)
      return accept(content)
    },
  })
  const read = Effect.gen(function* () {
    const since = active.version()
    const content = yield* readKeyFile(file, file.name)
    if (Option.isNone(content) && active.keys().size > 0) return yield* Effect.fail(missing(file))
    yield* accept(content)
    if (Option.isSome(content)) yield* active.replace(content.value.keys, since)
  })
  const look = Effect.gen(function* () {
    const now = yield* Effect.match(file.fs.stat(file.name), { onFailure: errorCode, onSuccess: fingerprint })
    if (now === seen && isStable) return
    const failure = yield* Effect.match(read, { onFailure: (error) => error, onSuccess: () => undefined })
    if (failure !== undefined) yield* refuse(failure, "The keys that were in force stay in force.")
    // A fingerprint does not show whether a disk that failed can be read again.
    isStable = now === seen && (failure === undefined || failure.code === "EINVAL")
    seen = now
  })

  yield* start
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(interval), look)))
  return { problem: Effect.sync(() => problem) }
})

const warningsOf =
  ({ name }: ManagedFile) =>
  ({ info, warnings }: KeyFileContent): ReadonlyArray<string> =>
    (info.mode & 0o077) === 0
      ? warnings
      : [
          ...warnings,
          `${name} is open to others (mode ${octal(info.mode)}): the next change of a key makes it 0600; chmod 600 does so now`,
        ]

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, "0")
