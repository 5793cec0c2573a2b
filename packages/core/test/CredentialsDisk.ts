/** A host with its keys on a simulated disk, and what others do to their file. */
import { createHash } from "node:crypto"
import { Credentials } from "@signalbox/core/Credentials"
import { EventBus } from "@signalbox/core/EventBus"
import { FileLock } from "@signalbox/core/FileLock"
import { type Options, SimulatedDisk } from "@signalbox/core/testing/SimulatedDisk"
import { Effect, type FileSystem, Layer, Logger, Path, Redacted, Stream } from "effect"
import { Digest } from "effect/crypto"
import { TestClock } from "effect/testing"

export const directory = "/home/signalbox"
export const file = `${directory}/credentials.json`
export const temporary = /^\.credentials\.json\.[0-9a-z]{10}\.new$/

/** Without promises: what a process does is done after some turns. */
const digest = Layer.succeed(Digest.Digest, {
  digest: (_, data) => Effect.sync(() => createHash("sha256").update(data).digest()),
  digestHex: (_, data) => Effect.sync(() => createHash("sha256").update(data).digest("hex")),
})

/** A process as it starts on the disk: its own FileSystem, bus and keys; the locks are those of the machine. */
export const process = Layer.unwrap(
  Effect.map(SimulatedDisk, (disk) =>
    Layer.fresh(Credentials.layerAt(file)).pipe(
      Layer.provideMerge(Layer.fresh(EventBus.layer)),
      Layer.provide([Path.layer, digest, disk.process]),
    ),
  ),
)

/** Runs in a process of its own, which ends with the effect. */
export const inProcess = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(Effect.scoped(effect), process)

export const onDisk =
  (options?: Options) =>
  <A, E>(effect: Effect.Effect<A, E, SimulatedDisk | FileSystem.FileSystem | FileLock>): Effect.Effect<A, E> =>
    Effect.provide(
      effect,
      Layer.mergeAll(SimulatedDisk.layerWith(options), Layer.fresh(FileLock.layerMemory), Logger.layer([])),
    )

export const foreign = <A>(f: (fs: FileSystem.FileSystem) => Effect.Effect<A, unknown>) =>
  Effect.flatMap(SimulatedDisk, (disk) => Effect.orDie(f(disk.foreign)))
export const content = foreign((fs) => fs.readFileString(file))
export const save = (text: string) =>
  foreign((fs) =>
    Effect.andThen(fs.makeDirectory(directory, { recursive: true }), fs.writeFileString(file, text, { mode: 0o600 })),
  )
/** The other files beside the file. */
export const litter = foreign((fs) =>
  Effect.map(fs.readDirectory(directory), (names) => names.filter((name) => name !== "credentials.json")),
)

export const add = Effect.fnUntraced(function* (id: string) {
  const { add } = yield* Credentials
  return Redacted.value((yield* add({ id })).secret)
})
export const revoke = (id: string) => Credentials.use(({ revoke }) => revoke(id))
export const ids = Credentials.use(({ list }) => Effect.map(list, (all) => all.map(({ id }) => id)))
export const idOf = (secret: string) => Effect.map(Credentials, ({ authenticate }) => authenticate(secret)?.id)
export const problem = Credentials.use(({ problem }) => problem)

/** So many turns are enough for all that waits for nothing but its turn. */
export const turns = Effect.replicateEffect(Effect.yieldNow, 200, { discard: true })
/** As long as a change may take to be noticed, and the turns that noticing takes. */
export const later = Effect.replicateEffect(Effect.andThen(TestClock.adjust("1 second"), turns), 2, { discard: true })

/** The published events of keys since the subscription, as `type id`. */
export const listen = Effect.gen(function* () {
  const events = yield* EventBus.use(({ subscribe }) =>
    subscribe({ types: ["credential.added", "credential.changed", "credential.revoked"] }),
  )
  return (count: number) =>
    Effect.map(Stream.runCollect(Stream.take(events, count)), (items) =>
      items.map((item) => (item._tag === "Gap" ? "gap" : said(item.event))),
    )
})
const said = (event: { readonly _tag: string; readonly id?: unknown }): string => `${event._tag} ${String(event.id)}`

/** Messages that are logged while the effect runs. */
export const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel} ${String(message)}`))
    return Effect.map(Effect.provide(effect, Logger.layer([logger])), (value) => ({ value, lines }))
  })
