/** A graph in the shape of a diamond for the tests of the ServiceGraph. Its builds and releases can be recorded and disturbed. */
import { EventBus } from "@signalbox/core/EventBus"
import { type PrepareFailed, Reconciler } from "@signalbox/core/Reconciler"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import * as Setting from "@signalbox/core/Setting"
import { Context, Effect, type Latch, Layer, Schema, type Scope } from "effect"

export const kernel = Reconciler.layer.pipe(Layer.provideMerge(EventBus.layer))

export const prepare = (values: Iterable<readonly [{ readonly key: string }, unknown]>) =>
  new Map(Array.from(values, ([{ key }, value]) => [key, value]))
export const put = (
  ...values: ReadonlyArray<readonly [{ readonly key: string }, unknown]>
): Effect.Effect<ReadonlyArray<string>, PrepareFailed, Reconciler> =>
  Effect.flatMap(Reconciler, (reconciler) =>
    reconciler.run(
      (transaction) =>
        Effect.flatMap(transaction.prepare(prepare(values)), (prepared) =>
          Effect.as(prepared.commit([]), prepared.rebuilt),
        ),
      { whenFull: "wait" },
    ),
  )
export const settle = Effect.forEach(Array.from({ length: 30 }), () => Effect.yieldNow, { discard: true })

/** Records builds and releases, and makes them fail or wait. */
export class BuildControl extends Context.Service<
  BuildControl,
  {
    readonly log: Array<string>
    readonly refuse: Map<string, unknown>
    readonly hold: Map<string, Latch.Latch>
    readonly badFinalizer: Set<string>
    readonly holdFinalizer: Map<string, Latch.Latch>
  }
>()("test/BuildControl") {
  static readonly layer = Layer.sync(BuildControl, () => ({
    log: [],
    refuse: new Map(),
    hold: new Map(),
    badFinalizer: new Set<string>(),
    holdFinalizer: new Map(),
  }))
}
export const logged = Effect.map(BuildControl, ({ log }) => log.splice(0))

export interface Part {
  readonly name: string
  readonly isOpen: () => boolean
}
export const build = (name: string): Effect.Effect<Part, unknown, BuildControl | Scope.Scope> =>
  Effect.gen(function* () {
    const control = yield* BuildControl
    control.log.push(`build ${name}`)
    let open = true
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        open = false
        control.log.push(`close ${name}`)
        if (control.badFinalizer.has(name)) return Effect.die(`finalizer of ${name}`)
        return control.holdFinalizer.get(name)?.await ?? Effect.void
      }),
    )
    yield* control.hold.get(name)?.await ?? Effect.void
    if (control.refuse.has(name)) return yield* Effect.fail(control.refuse.get(name))
    return { name, isOpen: () => open }
  })

export class A extends Setting.Service<A>()("A", Schema.Unknown) {}
export class B extends Setting.Service<B>()("B", Schema.Unknown) {}
export class C extends Setting.Service<C>()("C", Schema.Unknown) {}
export const settings = Layer.mergeAll(
  Setting.layerFrom(A, "a1"),
  Setting.layerFrom(B, "b1"),
  Setting.layerFrom(C, "c1"),
).pipe(Layer.orDie)

// A diamond: Top and Bottom over Left and Right over Base; Aside apart.
export class Base extends Context.Service<Base, Part>()("Base") {
  static readonly layer = Layer.effect(
    Base,
    Effect.flatMap(A.get, (a) => build(`Base(${a})`)),
  )
}
export class Left extends Context.Service<Left, Part>()("Left") {
  static readonly layer = Layer.effect(
    Left,
    Effect.flatMap(Base, (base) => build(`Left(${base.name})`)),
  )
}
export class Right extends Context.Service<Right, Part>()("Right") {
  static readonly layer = Layer.effect(
    Right,
    Effect.gen(function* () {
      return yield* build(`Right(${(yield* Base).name},${yield* B.get})`)
    }),
  )
}
export class Top extends Context.Service<Top, Part>()("Top") {
  static readonly layer = Layer.effect(
    Top,
    Effect.gen(function* () {
      return yield* build(`Top(${(yield* Left).name},${(yield* Right).name})`)
    }),
  )
}
export class Aside extends Context.Service<Aside, Part>()("Aside") {
  static readonly layer = Layer.effect(
    Aside,
    Effect.flatMap(C.get, (c) => build(`Aside(${c})`)),
  )
}
export class Diamond extends ServiceGraph.Service<Diamond>()("Diamond", {
  nodes: [
    ServiceGraph.node(Base, { needs: [A], layer: Base.layer }),
    ServiceGraph.node(Left, { needs: [Base], layer: Left.layer }),
    ServiceGraph.node(Right, { needs: [Base, B], layer: Right.layer }),
    ServiceGraph.node(Top, { needs: [Left, Right], layer: Top.layer }),
    ServiceGraph.node(Aside, { needs: [C], layer: Aside.layer }),
  ],
}) {}
export const diamond = Diamond.layer.pipe(
  Layer.provideMerge(settings),
  Layer.provideMerge(Layer.merge(kernel, BuildControl.layer)),
)
export const names = Diamond.provide(
  Effect.gen(function* () {
    return [(yield* Top).name, (yield* Aside).name]
  }),
)
