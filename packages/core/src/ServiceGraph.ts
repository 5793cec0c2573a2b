/**
 * Services that are replaced while the program runs. A graph is a list of ordinary Layers with the settings and earlier services that each
 * needs. A change builds everything that depends on it beside the old and replaces all of it at once. A request pins one generation from its
 * start to the end of its stream, and instances that no request holds are released. A change that cannot be built changes nothing.
 */
import { Cause, Context, type Duration, Effect, Layer, type Scope, Stream } from "effect"
import type { EventBus } from "./EventBus.ts"
import type { BuildFailed } from "./internal/ServiceGraph/Builder.ts"
import { type Engine, makeEngine } from "./internal/ServiceGraph/Engine.ts"
import { keepStarting } from "./internal/ServiceGraph/keepStarting.ts"
import type { AnyDeclaration, AnyKey } from "./internal/ServiceGraph/Plan.ts"
import { contextOf, provideEffect } from "./internal/ServiceGraph/provide.ts"
import { provideStream as pinStream } from "./internal/ServiceGraph/provideStream.ts"
import type { Status } from "./internal/ServiceGraph/Status.ts"
import type { Reconciler } from "./Reconciler.ts"
import type * as Setting from "./Setting.ts"

export { DrainLimitReached } from "./internal/ServiceGraph/BuiltGeneration.ts"
export { drained } from "./internal/ServiceGraph/drained.ts"
export type { Status } from "./internal/ServiceGraph/Status.ts"

type Id<K> = K extends Context.Key<infer I, any> ? I : never
type AnySetting = { readonly Service: Setting.Shape<any> }
/** A ConfigStore, by its shape: a layer that reads all of it would be out of date with the next revision. */
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
/** Any service of a graph. The types below are what it provides, fails with, needs, and uses without naming it in `needs`. */
export type Any = Node<any, any, any, any>
export type Out<N> = N extends Node<infer O, any, any, any> ? O : never
export type Error<N> = N extends Node<any, infer E, any, any> ? E : never
export type Need<N> = N extends Node<any, any, infer D, any> ? D : never
export type Missing<N> = N extends Node<any, any, any, infer M> ? M : never

/** A node may need settings and the nodes before it. A setting or node that its layer reads without naming it does not compile. */
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
 * Declares one service of a graph and the layer that builds it.
 *
 * **Details**
 *
 * An instance is shared by all generations in which everything that it `needs` is the same (by `Object.is`). Services that are not named in
 * `needs` must live as long as the graph.
 *
 * **Gotchas**
 *
 * A node that needs a whole ConfigStore is replaced whenever the text of the document changes, also by its own writes. A service that only
 * writes configuration should not be a node. A layer that writes while a change builds it would wait for itself and dies: fork the write in
 * the layer's Scope.
 *
 * **Example** (A service that is rebuilt when a setting changes)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { EventBus, Reconciler, ServiceGraph, Setting } from "@signalbox/core"
 * import { Context, Effect, Layer, Schema } from "effect"
 *
 * class BaseUrl extends Setting.Service<BaseUrl>()("app/BaseUrl", Schema.String) {}
 * class Client extends Context.Service<Client, { readonly url: string }>()("app/Client") {
 *   static readonly layer = Layer.effect(Client, Effect.map(BaseUrl.get, (url) => ({ url })))
 * }
 * class Services extends ServiceGraph.Service<Services>()("app/Services", {
 *   nodes: [ServiceGraph.node(Client, { needs: [BaseUrl], layer: Client.layer })]
 * }) {}
 *
 * const program = Services.provide(Effect.map(Client, ({ url }) => url))
 * const layer = Services.layer.pipe(
 *   Layer.provide(BaseUrl.layer("http://localhost")),
 *   Layer.provide(Layer.provideMerge(Reconciler.layer, EventBus.layer))
 * )
 * strictEqual(await Effect.runPromise(Effect.provide(program, layer)), "http://localhost")
 * ```
 */
export const node = <const P extends AnyKey, E, R, const Needs extends ReadonlyArray<AnyKey> = readonly []>(
  provides: P,
  options: { readonly layer: Layer.Layer<Id<NoInfer<P>>, E, R>; readonly needs?: Needs },
): Node<Id<P>, E, Id<Needs[number]>, Exclude<R, Id<Needs[number]>>> =>
  declare({ provides, needs: options.needs ?? [], layer: options.layer })

/**
 * Declares one instance of `member` for each key of a record setting. The service is a map of them.
 *
 * **Details**
 *
 * A key whose value is the same keeps its instance. Services that need the collection are rebuilt when any member is. Events and the status
 * name a member `collection/key`.
 *
 * **Example** (Building one client for each provider)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import { EventBus, Reconciler, ServiceGraph, Setting } from "@signalbox/core"
 * import { Context, Effect, Layer, Schema } from "effect"
 *
 * class Urls extends Setting.Service<Urls>()("app/Urls", Schema.Record(Schema.String, Schema.String)) {}
 * class Client extends Context.Service<Client, string>()("app/Client") {}
 * class Clients extends Context.Service<Clients, ReadonlyMap<string, string>>()("app/Clients") {}
 *
 * class Services extends ServiceGraph.Service<Services>()("app/Services", {
 *   nodes: [
 *     ServiceGraph.each(Clients, {
 *       over: Urls,
 *       member: Client,
 *       layer: (url, name) => Layer.succeed(Client)(`${name} at ${url}`),
 *     }),
 *   ],
 * }) {}
 *
 * const host = Services.layer.pipe(
 *   Layer.provide(Urls.layer({ a: "http://a", b: "http://b" })),
 *   Layer.provide(Layer.provideMerge(Reconciler.layer, EventBus.layer)),
 * )
 * const clients = Services.provide(Effect.map(Clients, (clients) => [...clients.values()]))
 * deepStrictEqual(await Effect.runPromise(Effect.provide(clients, host)), ["a at http://a", "b at http://b"])
 * ```
 */
export const each = <I, MI, M, OI, A, E, R, const Needs extends ReadonlyArray<AnyKey> = readonly []>(
  provides: Context.Key<I, ReadonlyMap<string, M>>,
  options: {
    readonly over: Context.Key<OI, Setting.Shape<{ readonly [key: string]: A }>>
    readonly member: Context.Key<MI, M>
    readonly layer: (value: A, key: string) => Layer.Layer<MI, E, R>
    /** In addition to the member's own value. */
    readonly needs?: Needs
  },
): Node<I, E, OI | Id<Needs[number]>, Exclude<R, Id<Needs[number]>>> => {
  const { layer, member, over } = options
  // The plan reads the values from a generation, which has no types.
  const each = { over, member, layer: (value: unknown, key: string) => layer(value as A, key) }
  return declare({ provides, needs: options.needs ?? [], each })
}

/** The operations of a graph. The class that `Service` returns has them as static members. */
export interface Shape<in out Provided> {
  /**
   * Pins the current generation until the caller's `Scope` closes, and returns its services.
   *
   * **Details**
   *
   * Waits while the graph is still starting; give that wait a limit. The context also holds the generation's values, which `Setting.get`
   * reads. A stream that outlives the effect in which it was created, as the body of a response does, needs the context too
   * (`Stream.provideContext`). End such a stream with `Stream.interruptWhen(drained)`.
   */
  readonly pin: Effect.Effect<Context.Context<Provided>, never, Scope.Scope>
  /** The state and needs of each service, the generations that live, and the services that are being released. */
  readonly status: Effect.Effect<Status>
  readonly "~signalbox/ServiceGraph": Engine
}

/** A declared graph: the service, its layers, and the operations for requests. */
export interface Class<in out Self, in out Name extends string, in out Provided, out E, out R>
  extends Context.ServiceClass<Self, Name, Shape<Provided>> {
  /** Builds the first generation, and fails with the errors of its layers. Closing its Scope releases everything at once: end the requests first. */
  readonly layer: Layer.Layer<Self, E, R>
  /**
   * Pins the current generation until the caller's `Scope` closes. HTTP servers call this in router middleware, so that one request sees one
   * generation until its response body ends.
   *
   * **Example** (Pinning a generation for a request)
   *
   * ```ts
   * import { strictEqual } from "node:assert"
   * import { EventBus, Reconciler, ServiceGraph } from "@signalbox/core"
   * import { Context, Effect, Layer } from "effect"
   *
   * class Greeter extends Context.Service<Greeter, { readonly greeting: string }>()("app/Greeter") {}
   * class Services extends ServiceGraph.Service<Services>()("app/Services", {
   *   nodes: [ServiceGraph.node(Greeter, { layer: Layer.succeed(Greeter, { greeting: "hello" }) })]
   * }) {}
   *
   * const program = Effect.gen(function* () {
   *   const services = yield* Services.pin
   *   return Context.get(services, Greeter).greeting
   * })
   *
   * const layer = Layer.provide(Services.layer, Layer.provideMerge(Reconciler.layer, EventBus.layer))
   * strictEqual(await Effect.runPromise(Effect.provide(Effect.scoped(program), layer)), "hello")
   * ```
   */
  readonly pin: Effect.Effect<Context.Context<Provided>, never, Self | Scope.Scope>
  /**
   * Pins a generation for the effect and its children.
   *
   * **Details**
   *
   * Within a pin of the same graph it keeps that generation. A detached fiber takes a pin of its own.
   *
   * **Gotchas**
   *
   * Within a pin of another graph it pins the current generation, also for `Setting.get`: use one graph for a request. An effect that outlives
   * the drain limit is not interrupted, but its services are closed: race it with `drained`.
   */
  readonly provide: <A, E2, R2>(effect: Effect.Effect<A, E2, R2>) => Effect.Effect<A, E2, Exclude<R2, Provided> | Self>
  /** The state and needs of each service, and the generations that live. */
  readonly status: Effect.Effect<Status, never, Self>
  readonly "~signalbox/ServiceGraph": Effect.Effect<Engine, never, R | Scope.Scope>
}

/** The services that a graph provides: `ServiceGraph.Provided<typeof Services>`. */
export type Provided<G> = G extends { readonly pin: Effect.Effect<Context.Context<infer P>, never, any> } ? P : never

/**
 * Declares a graph. The order of `nodes` is the order of dependency: a node may need settings and the nodes before it.
 *
 * **Example** (A graph with a shorter drain limit)
 *
 * ```ts
 * import { ServiceGraph } from "@signalbox/core"
 *
 * class Services extends ServiceGraph.Service<Services>()("app/Services", { nodes: [], drain: "10 minutes" }) {}
 * ```
 */
export const Service =
  <Self = never>() =>
  <const Name extends string, const Nodes extends ReadonlyArray<Any>>(
    id: Name,
    options: {
      readonly nodes: Nodes & Checked<Nodes, Out<Nodes[number]>>
      /** After this time an old generation that requests still hold is released by force, and their streams end. Default: 1 hour. At most 16 generations live. */
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
    const engine = Effect.map(key, (graph) => graph["~signalbox/ServiceGraph"])
    const members = {
      layer: Layer.effect(
        key,
        Effect.gen(function* () {
          const engine = yield* make
          yield* Effect.catchTag(engine.start, "BuildFailed", causesOf)
          return shapeOf(engine)
        }),
      ),
      pin: Effect.flatMap(key, (graph) => graph.pin),
      provide: (effect: Effect.Effect<any, any, any>) =>
        Effect.flatMap(engine, (engine) => provideEffect(engine, effect)),
      status: Effect.flatMap(key, (graph) => graph.status),
      "~signalbox/ServiceGraph": make,
    }
    // The types of the nodes hold what the layers provide, fail with and need, and `Checked` has compared them.
    return Object.assign(key, members) as never
  }

/**
 * Starts a graph without waiting for its first generation. Services are `starting`, then `ready`. A `failed` service (event `service.failed`) is
 * tried again after each commit and every 30 seconds.
 *
 * **Gotchas**
 *
 * Each call makes a layer that builds a graph of its own: call it once.
 *
 * **Example** (Serving before every service is ready)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import { EventBus, Reconciler, ServiceGraph } from "@signalbox/core"
 * import { Context, Effect, Layer } from "effect"
 *
 * class Slow extends Context.Service<Slow, string>()("app/Slow") {}
 * class Services extends ServiceGraph.Service<Services>()("app/Services", {
 *   nodes: [ServiceGraph.node(Slow, { layer: Layer.effect(Slow, Effect.never) })]
 * }) {}
 *
 * const layer = Layer.provide(ServiceGraph.layerBackground(Services), Layer.provideMerge(Reconciler.layer, EventBus.layer))
 * const { services } = await Effect.runPromise(Effect.provide(Services.status, layer))
 * deepStrictEqual(services.map(({ name, state }) => [name, state]), [["app/Slow", "starting"]])
 * ```
 */
export const layerBackground = <Self, Name extends string, P, E, R>(
  graph: Class<Self, Name, P, E, R>,
): Layer.Layer<Self, never, Exclude<R, Scope.Scope>> =>
  Layer.effect(
    graph,
    Effect.gen(function* () {
      const engine = yield* graph["~signalbox/ServiceGraph"]
      yield* Effect.forkScoped(keepStarting(engine))
      return shapeOf(engine)
    }),
  )

/**
 * Pins a generation from the start of the stream to its end. After the drain limit the stream dies with `DrainLimitReached`.
 *
 * **Example** (A stream that sees one generation)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import { EventBus, Reconciler, ServiceGraph } from "@signalbox/core"
 * import { Context, Effect, Layer, Stream } from "effect"
 *
 * class Greeter extends Context.Service<Greeter, { readonly greeting: string }>()("app/Greeter") {}
 * class Services extends ServiceGraph.Service<Services>()("app/Services", {
 *   nodes: [ServiceGraph.node(Greeter, { layer: Layer.succeed(Greeter, { greeting: "hello" }) })]
 * }) {}
 *
 * const greetings = Stream.range(1, 3).pipe(Stream.mapEffect(() => Effect.map(Greeter, ({ greeting }) => greeting)))
 * const program = Stream.runCollect(ServiceGraph.provideStream(Services, greetings))
 *
 * const layer = Layer.provide(Services.layer, Layer.provideMerge(Reconciler.layer, EventBus.layer))
 * deepStrictEqual(await Effect.runPromise(Effect.provide(program, layer)), ["hello", "hello", "hello"])
 * ```
 */
export const provideStream = <Self, Name extends string, P, E, R, A, E2, R2>(
  graph: Class<Self, Name, P, E, R>,
  stream: Stream.Stream<A, E2, R2>,
): Stream.Stream<A, E2, Exclude<R2, P> | Self> =>
  Stream.unwrap(Effect.map(graph, (shape) => pinStream(shape["~signalbox/ServiceGraph"], stream)))

const shapeOf = (engine: Engine): Shape<any> => ({
  pin: Effect.map(engine.pin, contextOf),
  status: engine.status,
  "~signalbox/ServiceGraph": engine,
})

/** All errors of the layers. */
const causesOf = (failed: BuildFailed): Effect.Effect<never, any> => {
  const [first, ...others] = failed.failures.map(({ cause }) => cause)
  return first === undefined ? Effect.die(failed) : Effect.failCause(others.reduce(Cause.combine, first))
}

const declare = (declaration: AnyDeclaration): Node<never, never, never, never> => ({
  "~types": { out: typeOnly, error: typeOnly, need: typeOnly, missing: typeOnly },
  "~signalbox/ServiceGraph/Node": declaration,
})

const typeOnly = (): never => {
  throw new globalThis.Error("this function exists only for its type")
}
