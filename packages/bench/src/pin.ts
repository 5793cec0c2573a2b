/**
 * The cost of a generation for a request: `Services.provide` against `Effect.provide` of a ready context with the same services, under
 * 20 ambient services. `new request`: the ambient context is a new one each time, as in an HTTP server; `loop`: it stays the same.
 */
import { EventBus } from "@signalbox/core/EventBus"
import { Reconciler } from "@signalbox/core/Reconciler"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import { Context, Effect, Layer, Stream } from "effect"
import { interleave, type Row, report } from "./measure.ts"

const ambientServices = 20
const requests = 10_000
const streams = 30
const chunks = 200
const rounds = 21

interface Named {
  readonly name: string
}
const keyOf = (name: string) => Context.Service<string, Named>(name)
const contextOf = (names: ReadonlyArray<string>): Context.Context<string> =>
  Context.makeUnsafe(new Map(names.map((name) => [name, { name }])))
const namesOf = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index}`)

const request = Effect.map(keyOf("service0"), ({ name }) => name)
const stream = Stream.fromIterable(namesOf("chunk", chunks)).pipe(
  Stream.rechunk(1),
  Stream.mapEffect(() => request),
)

class Graph extends Context.Service<Graph, ServiceGraph.Shape<string>>()("bench/Graph") {}
const graphOf = (names: ReadonlyArray<string>) =>
  ServiceGraph.Service<Graph>()("bench/Graph", {
    nodes: [
      ServiceGraph.node(keyOf("service0"), { layer: Layer.succeedContext(contextOf(names)) }),
      // All names have the type `string`, so that `Checked` takes them for one service declared many times.
      ...(names
        .slice(1)
        .map((name) => ServiceGraph.node(keyOf(name), { layer: Layer.succeedContext(contextOf(names)) })) as []),
    ],
  })

const casesOf = (services: number) =>
  Effect.gen(function* () {
    const names = namesOf("service", services)
    const graph = graphOf(names)
    const kernel = Layer.provideMerge(Reconciler.layer, EventBus.layer)
    const live = yield* Layer.build(Layer.provide(graph.layer, kernel))
    const base = Context.merge(contextOf(namesOf("ambient", ambientServices)), live)
    const given = contextOf(names)

    const times = (effect: Effect.Effect<unknown, never, any>, count: number) => () => {
      let left = count
      const loop = Effect.whileLoop({ while: () => left-- > 0, body: () => effect, step: () => {} })
      return Effect.runPromiseWith(base)(Effect.as(loop, count))
    }
    const inNewContext = (effect: Effect.Effect<unknown, never, any>) =>
      Effect.suspend(() => Effect.updateContext(effect, () => Context.add(base, keyOf("request"), { name: "request" })))
    const best = yield* Effect.promise(() =>
      interleave(
        {
          "new theirs": times(inNewContext(Effect.provide(request, given)), requests),
          "new ours": times(inNewContext(graph.provide(request)), requests),
          "loop theirs": times(Effect.provide(request, given), requests),
          "loop ours": times(graph.provide(request), requests),
          "stream theirs": times(Stream.runDrain(Stream.provideContext(stream, given)), streams),
          "stream ours": times(Stream.runDrain(ServiceGraph.provideStream(graph, stream)), streams),
        },
        rounds,
      ),
    )
    const bound = services === 3 ? 0.7 : services === 8 ? 1.2 : undefined
    const target: Pick<Row, "target"> = bound === undefined ? {} : { target: ["≤", bound] }
    const rows: ReadonlyArray<Row> = [
      { name: `${services} services, new request`, ratio: best["new ours"] / best["new theirs"], ...target },
      { name: `${services} services, loop`, ratio: best["loop ours"] / best["loop theirs"], ...target },
      { name: `${services} services, stream of ${chunks} chunks`, ratio: best["stream ours"] / best["stream theirs"] },
    ]
    return rows
  }).pipe(Effect.scoped)

export const run = async (): Promise<void> => {
  const rows = await Effect.runPromise(Effect.forEach([3, 8, 20], casesOf))
  report("pin: Services.provide against Effect.provide of the same context (time, less is better)", rows.flat())
}
