/** Numbers and records every operation, runs the hooks, and applies faults: failures, short writes, power cuts. */
import { Clock, Effect, type PlatformError, Schema } from "effect"
import { Errno, toPlatformError } from "./Errno.ts"
import type { EntryChange, Fate, FileChange, Inode } from "./Inode.ts"
import type { Volume } from "./Volume.ts"

/** One system call. `writeFile` and similar methods are several: opening, each write. */
export interface Operation {
  /** Counted from 1. */
  readonly number: number
  /** The method of FileSystem or of File: `open`, `write`, `sync`, `rename` … or `exchange`. */
  readonly name: string
  readonly path: string
  /** The other name of a rename, link, symlink or exchange. */
  readonly to?: string
  readonly bytes?: number
}

/** One change that was not synced when the power was cut. */
export interface Unsynced {
  readonly kind: "write" | "truncate" | "metadata" | "entries"
  /** The file; for a change of names, all its names. */
  readonly path: string
}

/** `random` decides for each change by the seed. `kept` for all is the result of `kill -9`; `lost` for all is the worst power cut. */
export type Fates = Fate | "random" | ((unsynced: Unsynced) => Fate)

export type Fault = {
  /** The operation's number, or a predicate. */
  readonly at: number | ((operation: Operation) => boolean)
  /** Default 1. */
  readonly times?: number
} & (
  | {
      /** Fails with this code and changes nothing; a failed `sync` forgets what it should have written. */ readonly error: string
    }
  | { /** A write accepts at most so many bytes, and returns the number. */ readonly short: number }
  | { /** Takes effect in the cache, then the power is cut. */ readonly crash: Fates }
)

/** The probability of each fault at each operation, 0 to 1. */
export interface Odds {
  readonly crash?: number
  readonly short?: number
  /** One of the possible codes of the operation: ENOSPC if it needs room, EIO always, EACCES if it uses a name. */
  readonly error?: number
}

/** The defect of every operation after a power cut. */
export class PowerCut extends Schema.TaggedError<PowerCut>()("PowerCut", { report: Schema.String }) {
  override get message(): string {
    return `the simulated power was cut: ${this.report}`
  }
}

export class Gate {
  readonly seed: number
  readonly volume: Volume
  readonly random: () => number
  /** Grows with every power cut: operations of earlier processes stay dead. */
  life = 0
  down = false
  count = 0
  readonly hooks = new Set<(operation: Operation) => Effect.Effect<void>>()
  readonly faults: Array<{ readonly fault: Fault; left: number }> = []
  odds: Odds = {}
  /** Called at a power cut. */
  readonly cut = new Set<() => void>()
  readonly #trace: Array<string> = []

  constructor(seed: number, volume: Volume) {
    this.seed = seed
    this.volume = volume
    this.random = mulberry32(seed)
  }

  /** The seed and the last thousand operations. */
  get report(): string {
    return [`seed ${this.seed}, ${this.count} operations, the last:`, ...this.#trace].join("\n  ")
  }

  readonly dead: Effect.Effect<never> = Effect.suspend(() => Effect.die(new PowerCut({ report: this.report })))

  /** Yields before and after, as real input and output does, so that other fibers and interruptions run in between. */
  perform<A>(
    life: number | undefined,
    about: Omit<Operation, "number">,
    f: (limit: number) => A,
    inode?: Inode,
  ): Effect.Effect<A, PlatformError.PlatformError> {
    const gone = () => this.down || (life !== undefined && life !== this.life)
    const self = this
    return Effect.gen(function* () {
      if (gone()) return yield* self.dead
      yield* Effect.yieldNow
      if (gone()) return yield* self.dead
      const operation: Operation = { number: ++self.count, ...about }
      for (const hook of [...self.hooks]) yield* hook(operation)
      if (gone()) return yield* self.dead
      self.volume.now = yield* Clock.currentTimeMillis
      const fault = self.#fault(operation)
      self.note(`${operation.number} ${describe(about)}${fault === undefined ? "" : ` → ${describeFault(fault)}`}`)
      const result = self.#attempt(about, fault, f, inode)
      if (fault !== undefined && "crash" in fault) {
        self.crash(fault.crash)
        return yield* self.dead
      }
      yield* Effect.yieldNow
      return yield* result
    })
  }

  #attempt<A>(
    about: Omit<Operation, "number">,
    fault: Fault | undefined,
    f: (limit: number) => A,
    inode: Inode | undefined,
  ) {
    if (fault !== undefined && "error" in fault) {
      if (about.name === "sync" && inode !== undefined) this.volume.forget(inode)
      return Effect.fail(toPlatformError(new Errno(fault.error), about.name, about.path))
    }
    // The power fails before the disk responds: the sync has confirmed nothing.
    const unconfirmed = fault !== undefined && "crash" in fault && about.name === "sync"
    if (unconfirmed) return Effect.never
    const limit = fault !== undefined && "short" in fault ? fault.short : Number.POSITIVE_INFINITY
    return attempt(about, () => f(limit))
  }

  /** An operation of a foreign process: recorded, without number, hook or fault. */
  foreign<A>(about: Omit<Operation, "number">, f: (limit: number) => A): Effect.Effect<A, PlatformError.PlatformError> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      this.volume.now = now
      this.note(`foreign ${describe(about)}`)
      return attempt(about, () => f(Number.POSITIVE_INFINITY))
    })
  }

  crash(fates: Fates): void {
    const within = (from: number, to: number) => from + Math.floor(this.random() * (to - from + 1))
    const decide = (change: FileChange | EntryChange, path: string): Fate => {
      const fate = this.#fate(fates, { kind: change.kind, path })
      this.note(`power cut: ${change.kind} of ${path} ${fate}`)
      return fate
    }
    this.note("power cut")
    this.volume.crash(decide, within)
    this.down = true
    this.life++
    for (const listener of [...this.cut]) listener()
  }

  #fate(fates: Fates, unsynced: Unsynced): Fate {
    if (typeof fates === "function") return fates(unsynced)
    if (fates !== "random") return fates
    return (["lost", "kept", "torn"] as const)[Math.floor(this.random() * 3)]!
  }

  #fault(operation: Operation): Fault | undefined {
    const found = this.faults.find(({ fault, left }) => {
      if (left <= 0 || ("short" in fault && operation.name !== "write")) return false
      return typeof fault.at === "number" ? fault.at === operation.number : fault.at(operation)
    })
    if (found !== undefined) {
      found.left--
      return found.fault
    }
    const { crash = 0, error = 0, short = 0 } = this.odds
    const at = operation.number
    if (crash > 0 && this.random() < crash) return { at, crash: "random" }
    if (error > 0 && this.random() < error) {
      const codes = possible(operation.name)
      return { at, error: codes[Math.floor(this.random() * codes.length)]! }
    }
    if (operation.name === "write" && short > 0 && this.random() < short) {
      return { at, short: 1 + Math.floor(this.random() * Math.max(1, (operation.bytes ?? 1) - 1)) }
    }
    return undefined
  }

  note(line: string): void {
    this.#trace.push(line)
    if (this.#trace.length > 1000) this.#trace.shift()
  }
}

/** Executes at once: a caller that is interrupted afterwards has done it. */
const attempt = <A>(about: Omit<Operation, "number">, f: () => A): Effect.Effect<A, PlatformError.PlatformError> => {
  try {
    return Effect.succeed(f())
  } catch (error) {
    return error instanceof Errno ? Effect.fail(toPlatformError(error, about.name, about.path)) : Effect.die(error)
  }
}

const possible = (name: string): ReadonlyArray<string> => {
  if (name === "write") return ["ENOSPC", "EIO"]
  if (name === "sync" || name === "read") return ["EIO"]
  if (["link", "symlink", "makeDirectory", "rename", "exchange"].includes(name)) return ["ENOSPC", "EIO", "EACCES"]
  return ["EIO", "EACCES"]
}

const describe = ({ bytes, name, path, to }: Omit<Operation, "number">): string =>
  `${name} ${path}${to === undefined ? "" : ` ${to}`}${bytes === undefined ? "" : ` (${bytes} bytes)`}`

const describeFault = (fault: Fault): string => {
  if ("error" in fault) return fault.error
  return "short" in fault ? `at most ${fault.short} bytes` : "power cut"
}

/** A small, fast generator with the same results on every platform. */
const mulberry32 = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}
