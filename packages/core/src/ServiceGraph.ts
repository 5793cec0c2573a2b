/**
 * Services that are replaced while the program runs. A graph is a list of ordinary Layers with the settings and earlier services that
 * each needs. A change builds what depends on it beside the old and swaps all of it at once; requests pin one generation from their start
 * to the end of their stream; what no request holds any more is let go. A change that cannot be built changes nothing.
 */
import { Cause, Context, type Duration, Effect, Layer, type Scope, Stream } from "effect"
import type { EventBus } from "./EventBus.ts"
import type { BuildFailed } from "./internal/ServiceGraph/Builder.ts"
import { type Engine, makeEngine } from "./internal/ServiceGraph/Engine.ts"
import type { AnyDeclaration, AnyKey } from "./internal/ServiceGraph/Plan.ts"
import { contextOf, provideEffect, provideStream } from "./internal/ServiceGraph/provide.ts"
import type { Status } from "./internal/ServiceGraph/Status.ts"
import type { Reconciler } from "./Reconciler.ts"
import type * as Setting from "./Setting.ts"

export { DrainLimitReached } from "./internal/ServiceGraph/Built.ts"
export { drained } from "./internal/ServiceGraph/provide.ts"
export type { Status } from "./internal/ServiceGraph/Status.ts"

type Id<K> = K extends Context.Key<infer I, any> ? I : never
type AnySetting = { readonly Service: Setting.Shape<any> }
/** A ConfigStore, by its shape: a layer that reads it whole would go stale with the next revision. */
type AnyStore = {
  readonly Service: { readonly snapshot: unknown; readonly provenance: unknown; readonly undo: unknown }
}

/** One service of a graph. */
export interface Node<out Out, out E, out Need, out Missing> {
  readonly "~types": {
    readonly out: () => Out
    readonly error: () => E
    readonly need: () => Need
    readonly missing: () => Missing
  }
  readonly "~signalbox/ServiceGraph/Node": AnyDeclaration
}
/** Any service of a graph; what it provides, fails with, needs, and reads without naming it: */
export type Any = Node<any, any, any, any>
export type Out<N> = N extends Node<infer O, any, any, any> ? O : never
export type Error<N> = N extends Node<any, infer E, any, any> ? E : never
export type Need<N> = N extends Node<any, any, infer D, any> ? D : never
export type Missing<N> = N extends Node<any, any, any, infer M> ? M : never

/** A node may name settings and the nodes before it; a setting or node that its layer reads without naming does not compile. */
export type Checked<Nodes extends ReadonlyArray<unknown>, All, Before = never> = Nodes extends readonly [
  infer N,
  ...infer Rest,
]
  ? [
      [Extract<Missing<N>, All | AnySetting | AnyStore>] extends [never]
        ? [Extract<Need<N>, Exclude<All, Before>>] extends [never]
          ? [Extract<Out<N>, Before>] extends [never]
            ? N
            : { readonly "declared twice": Extract<Out<N>, Before> }
          : { readonly "named before it is declared": Extract<Need<N>, Exclude<All, Before>> }
        : { readonly "missing in `needs`": Extract<Missing<N>, All | AnySetting | AnyStore> },
      ...Checked<Rest, All, Before | Out<N>>,
    ]
  : []

/**
 * A service and the layer that makes it. Its instance is shared by all generations in which what it `needs` is the same (by `Object.is`);
 * services that are not named there must live as long as the graph. With a whole ConfigStore among its needs it is replaced at every change of
 * the document's text, also by its own: who only writes the configuration is better no node. While a change builds the layer a write of its
 * own would wait for itself and die: fork it in the layer's Scope.
 */
export const node = <const P extends AnyKey, E, R, const Needs extends ReadonlyArray<AnyKey> = readonly []>(
  provides: P,
  options: { readonly layer: Layer.Layer<Id<NoInfer<P>>, E, R>; readonly needs?: Needs },
): Node<Id<P>, E, Id<Needs[number]>, Exclude<R, Id<Needs[number]>>> =>
  declare({ provides, needs: options.needs ?? [], layer: options.layer })

/**
 * One instance of `member` for each key of a record setting; the service is the map of them. A key whose value is the same keeps its
 * instance; what needs the collection is rebuilt when any member is. Members are named `collection/key` in events and in the status.
 */
export const each = <I, MI, M, OI, A, E, R, const Needs extends ReadonlyArray<AnyKey> = readonly []>(
  provides: Context.Key<I, ReadonlyMap<string, M>>,
  options: {
    readonly over: Context.Key<OI, Setting.Shape<{ readonly [key: string]: A }>>
    readonly member: Context.Key<MI, M>
    readonly layer: (value: A, key: string) => Layer.Layer<MI, E, R>
    /** Beside the member's own value. */
    readonly needs?: Needs
  },
): Node<I, E, OI | Id<Needs[number]>, Exclude<R, Id<Needs[number]>>> => {
  const { layer, member, over } = options
  // The setting's type says what its values are; the plan reads them from a generation.
  const each = { over, member, layer: (value: unknown, key: string) => layer(value as A, key) }
  return declare({ provides, needs: options.needs ?? [], each })
}

/** What a graph can do; the class that `Service` makes has the same and more as static members. */
export interface Shape<in out Provided> {
  /**
   * Holds the current generation until the caller's Scope closes. Where the graph is still starting it waits until it serves; bound that
   * wait. The context also holds the generation's values, which `Setting.get` answers with: a stream that outlives the effect it was made
   * in, as a response's body does, needs it too (`Stream.provideContext`), and ends in time by `Stream.interruptWhen(drained)`.
   */
  readonly pin: Effect.Effect<Context.Context<Provided>, never, Scope.Scope>
  /** What stands, what it needs, and who holds which generation. */
  readonly status: Effect.Effect<Status>
  readonly "~signalbox/ServiceGraph": Engine
}

/** A declared graph: the service, what makes it, and what requests use. */
export interface Class<in out Self, in out Name extends string, in out Provided, out E, out R>
  extends Context.ServiceClass<Self, Name, Shape<Provided>> {
  /** Builds the first generation and fails with what its layers fail with. Closing its Scope lets go of everything at once: end the requests first. */
  readonly layer: Layer.Layer<Self, E, R>
  /** Does not wait for the first generation: services are `starting`, then `ready`, or `failed` (`service.failed`) and tried again after each commit and every 30 seconds. */
  readonly layerBackground: Layer.Layer<Self, never, R>
  /** Holds the current generation until the caller's Scope closes. HTTP uses this, as router middleware. */
  readonly pin: Effect.Effect<Context.Context<Provided>, never, Self | Scope.Scope>
  /**
   * Holds it for the effect and its children. Within a pin of the same graph it holds that one's generation; within one of another graph the
   * current one, also for `Setting.get`, so give a request one graph. A detached fiber takes a pin of its own. An effect that outlives the drain
   * limit is not interrupted, but its services are closed: race it with `drained` if it may.
   */
  readonly provide: <A, E2, R2>(effect: Effect.Effect<A, E2, R2>) => Effect.Effect<A, E2, Exclude<R2, Provided> | Self>
  /** Holds it from the start of the stream to its end. Past the drain limit the stream dies of `DrainLimitReached`. */
  readonly provideStream: <A, E2, R2>(
    stream: Stream.Stream<A, E2, R2>,
  ) => Stream.Stream<A, E2, Exclude<R2, Provided> | Self>
  /** What stands, what it needs, and who holds which generation. */
  readonly status: Effect.Effect<Status, never, Self>
}

/** The services that a graph provides, as a router's middleware names them: `ServiceGraph.Provided<typeof Services>`. */
export type Provided<G> = G extends { readonly pin: Effect.Effect<Context.Context<infer P>, never, any> } ? P : never

/**
 * Declares a graph:
 * ```ts
 * class Services extends ServiceGraph.Service<Services>()("app/Services", {
 *   nodes: [
 *     ServiceGraph.node(Clients, { needs: [ProviderSettings], layer: Clients.layer }),
 *     ServiceGraph.node(Router, { needs: [ModelSettings, Clients], layer: Router.layer })
 *   ]
 * }) {}
 * ```
 */
export const Service =
  <Self = never>() =>
  <const Name extends string, const Nodes extends ReadonlyArray<Any>>(
    id: Name,
    options: {
      readonly nodes: Nodes & Checked<Nodes, Out<Nodes[number]>>
      /** After this an old generation that is still held is released by force, and its streams end. Default 1 hour; at most 16 generations live. */
      readonly drain?: Duration.Input
    },
  ): Class<
    Self,
    Name,
    Out<Nodes[number]>,
    Error<Nodes[number]>,
    Reconciler | EventBus | Exclude<Need<Nodes[number]> | Missing<Nodes[number]>, Out<Nodes[number]>>
  > => {
    const nodes: ReadonlyArray<Any> = options.nodes
    const key = Context.Service<Self, Shape<any>>()(id)
    const make = makeEngine({
      id,
      declarations: nodes.map((node) => node["~signalbox/ServiceGraph/Node"]),
      drain: options.drain ?? "1 hour",
    })
    const asShape = (engine: Engine): Shape<any> => ({
      pin: Effect.map(engine.pin, contextOf),
      status: engine.status,
      "~signalbox/ServiceGraph": engine,
    })
    const engine = Effect.map(key, (graph) => graph["~signalbox/ServiceGraph"])
    const members = {
      layer: Layer.effect(
        key,
        Effect.gen(function* () {
          const engine = yield* make
          yield* Effect.catchTag(engine.start, "BuildFailed", causesOf)
          return asShape(engine)
        }),
      ),
      layerBackground: Layer.effect(
        key,
        Effect.gen(function* () {
          const engine = yield* make
          yield* Effect.forkScoped(engine.keepStarting)
          return asShape(engine)
        }),
      ),
      pin: Effect.flatMap(key, (graph) => graph.pin),
      provide: (effect: Effect.Effect<any, any, any>) =>
        Effect.flatMap(engine, (engine) => provideEffect(engine, effect)),
      provideStream: (stream: Stream.Stream<any, any, any>) =>
        Stream.unwrap(Effect.map(engine, (engine) => provideStream(engine, stream))),
      status: Effect.flatMap(key, (graph) => graph.status),
    }
    // What the layers provide, fail with and need is in the types of the nodes, and `Checked` has compared them.
    return Object.assign(key, members) as never
  }

/** What the layers failed with, all of it. */
const causesOf = (failed: BuildFailed): Effect.Effect<never, any> => {
  const [first, ...others] = failed.failures.map(({ cause }) => cause)
  return first === undefined ? Effect.die(failed) : Effect.failCause(others.reduce(Cause.combine, first))
}

const declare = (declaration: AnyDeclaration): Node<never, never, never, never> => ({
  "~types": { out: typeOnly, error: typeOnly, need: typeOnly, missing: typeOnly },
  "~signalbox/ServiceGraph/Node": declaration,
})

const typeOnly = (): never => {
  throw new globalThis.Error("stands for a type")
}
