/**
 * A disk that can fail: an `effect/FileSystem` that keeps the content that programs see (the page cache) apart from the content that survives a power
 * cut (synced data). On demand it loses, keeps or tears unsynced data, loses or reorders renames in unsynced directories, accepts a part of a write,
 * is full, refuses, or forgets dirty pages after a failed sync. A seed determines everything; `report` states the seed and the operations. It models
 * neither timing nor a device that reports a sync without writing.
 *
 * A test runs a program on it, cuts the power at each operation in turn, and checks the state that the next program finds. An example is in
 * `test/SimulatedDisk.test.ts`.
 */
import { Context, Deferred, Effect, FileSystem, Layer, type Scope } from "effect"
import { type Exchange, FileExchange } from "../FileExchange.ts"
import { ProcessUser } from "../FileTrust.ts"
import { makeFileSystem, type Perform } from "./SimulatedDisk/FileSystem.ts"
import { type Fates, type Fault, Gate, type Odds, type Operation } from "./SimulatedDisk/Gate.ts"
import { Volume } from "./SimulatedDisk/Volume.ts"

export { type Fates, type Fault, type Odds, type Operation, PowerCut, type Unsynced } from "./SimulatedDisk/Gate.ts"
export type { Fate } from "./SimulatedDisk/Inode.ts"

export interface Options {
  /** Decides every `random` fate, torn write and probable fault. Default 1; let fast-check choose it to have it printed. */
  readonly seed?: number
  /** Whether two names can be swapped in one step (`FileExchange`). Default true. */
  readonly exchange?: boolean
  /** Permission bits are enforced unless it is 0. Default 1000. */
  readonly uid?: number
}

export class SimulatedDisk extends Context.Service<
  SimulatedDisk,
  {
    readonly seed: number
    /** The number of operations so far. */
    readonly operations: Effect.Effect<number>
    /** The seed and the last thousand operations with their faults, for messages. */
    readonly report: Effect.Effect<string>
    /** Turns every failure of the effect into a defect whose message begins with the report. */
    readonly explain: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, never, R>

    /** Makes an operation fail, be cut short, or be the last one. Faults apply in the order of their injection. */
    readonly inject: (fault: Fault) => Effect.Effect<void>
    /** Makes faults probable, by the seed. `{}` ends that. */
    readonly weather: (odds: Odds) => Effect.Effect<void>
    /** Removes the pending and the probable faults. */
    readonly calm: Effect.Effect<void>
    /** Limits the bytes of all files. Beyond the limit writes are cut short, then fail with ENOSPC. */
    readonly capacity: (bytes: number) => Effect.Effect<void>
    /** Runs an effect in the operation's fiber before the operation, until the Scope closes: a foreign edit, an interruption, a crash. */
    readonly before: (hook: (operation: Operation) => Effect.Effect<void>) => Effect.Effect<void, never, Scope.Scope>

    /** Cuts the power now. Every operation dies with `PowerCut` until `restart`; `foreign` already sees the surviving content. */
    readonly crash: (fates: Fates) => Effect.Effect<void>
    /** Completes at the next power cut, at once if the power is off. */
    readonly crashed: Effect.Effect<void>
    readonly restart: Effect.Effect<void>

    /** FileSystem, FileExchange and ProcessUser of one process, new with each build. A power cut ends the process; `restart` does not revive it. */
    readonly process: Layer.Layer<FileSystem.FileSystem>
    /** The disk for other programs, such as an editor or the test: operations without numbers, hooks and faults. */
    readonly foreign: FileSystem.FileSystem
  }
>()("@signalbox/core/testing/SimulatedDisk") {
  /** Provides a disk with an empty `/tmp`. Its FileSystem works again after `restart`. */
  static readonly layerWith = (options: Options = {}): Layer.Layer<SimulatedDisk | FileSystem.FileSystem> =>
    Layer.unwrap(
      Effect.sync(() => {
        const { disk, layer } = make(options)
        return Layer.merge(Layer.succeed(SimulatedDisk, disk), layer)
      }),
    )

  static readonly layer: Layer.Layer<SimulatedDisk | FileSystem.FileSystem> = SimulatedDisk.layerWith()
}

const make = (options: Options) => {
  const { exchange = true, seed = 1, uid = 1000 } = options
  const volume = new Volume({ uid, gid: uid })
  volume.makeDirectory("/tmp", 0o777, false)
  volume.sync(volume.root)
  const gate = new Gate(seed, volume)

  const services = (perform: Perform): Context.Context<FileSystem.FileSystem> => {
    const swap: Exchange = (a, b) => perform({ name: "exchange", path: a, to: b }, () => volume.exchange(a, b))
    return Context.make(FileSystem.FileSystem, makeFileSystem(volume, perform, gate.random)).pipe(
      Context.add(FileExchange, exchange ? swap : undefined),
      Context.add(ProcessUser, uid),
    )
  }
  const living =
    (life: number | undefined): Perform =>
    (about, f, inode) =>
      gate.perform(life, about, f, inode)
  const foreign = makeFileSystem(volume, (about, f) => gate.foreign(about, f), gate.random)

  const crash = (fates: Fates) =>
    Effect.suspend(() => {
      if (!gate.down) gate.crash(fates)
      return Effect.void
    })
  const crashed = Effect.suspend(() => {
    if (gate.down) return Effect.void
    const cut = Deferred.makeUnsafe<void>()
    const listener = () => Deferred.doneUnsafe(cut, Effect.void)
    gate.cut.add(listener)
    return Effect.ensuring(
      Deferred.await(cut),
      Effect.sync(() => void gate.cut.delete(listener)),
    )
  })
  const disk = SimulatedDisk.of({
    seed,
    operations: Effect.sync(() => gate.count),
    report: Effect.sync(() => gate.report),
    explain: Effect.catchCause((cause) => Effect.die(new Error(`${gate.report}\n`, { cause }))),
    inject: (fault) => Effect.sync(() => void gate.faults.push({ fault, left: fault.times ?? 1 })),
    weather: (odds) =>
      Effect.sync(() => {
        gate.odds = odds
      }),
    calm: Effect.sync(() => {
      gate.faults.length = 0
      gate.odds = {}
    }),
    capacity: (bytes) =>
      Effect.sync(() => {
        volume.capacity = bytes
      }),
    before: (hook) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => void gate.hooks.add(hook)),
          () => Effect.sync(() => void gate.hooks.delete(hook)),
        ),
      ),
    crash,
    crashed,
    restart: Effect.sync(() => {
      gate.down = false
      gate.note("restart")
    }),
    process: Layer.fresh(Layer.effectContext(Effect.sync(() => services(living(gate.life))))),
    foreign,
  })
  return { disk, layer: Layer.succeedContext(services(living(undefined))) }
}
