import { connect, type Socket } from "node:net"
import { assert, it } from "@effect/vitest"
import { UpstreamClients } from "@signalbox/gateway"
import { Deferred, Effect, Scheduler } from "effect"
import { fakeProvider, respondJson } from "./FakeProvider.ts"
import { ask, baseUrl, gateway, Services } from "./GatewayHost.ts"
import { Generator } from "./Generated.ts"
import { raw } from "./Raw.ts"

const body = JSON.stringify(ask("hello"))
const request = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`

/** Sends a request and resets the connection after some turns of the event loop. */
const leave = (port: number, turns: number) =>
  Effect.callback<void>((resume) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(request)
      let left = turns
      const turn = () => (left-- > 0 ? setImmediate(turn) : socket.resetAndDestroy())
      turn()
    })
    socket.on("error", () => undefined)
    socket.on("close", () => resume(Effect.void))
  })

const seed = 7

// Fibers yield after few operations, so that interrupts arrive between any two steps.
for (const operations of [3, 5, 13, 2048]) {
  it.live(`releases everything of callers that leave at any moment (seed ${seed}, yields after ${operations})`, () =>
    Effect.gen(function* () {
      const random = new Generator(seed)
      const provider = yield* fakeProvider()
      yield* Effect.gen(function* () {
        const port = Number(new URL(yield* baseUrl).port)
        const clients = yield* Services.provide(Effect.map(UpstreamClients, (clients) => clients))
        const responding = Effect.flatMap(provider.next, ({ response }) =>
          Effect.sync(() => random.chance(0.5) && response.end('{"model":"big-1"}')),
        )
        yield* Effect.forkChild(Effect.forever(responding))
        yield* Effect.forEach(
          Array.from({ length: 200 }, () => random.below(12)),
          (turns) => leave(port, turns),
          { concurrency: 20, discard: true },
        )
        // The last callers may still be leaving; leaked state would stay for ever.
        const buffered = Effect.map(
          Services.status,
          ({ generations }) =>
            generations.reduce((sum, { pins }) => sum + pins, 0) + clients.get("main")!.load.inFlight,
        )
        assert.strictEqual(
          yield* Effect.repeat(Effect.andThen(Effect.yieldNow, buffered), { until: (left) => left === 0 }),
          0,
        )
      }).pipe(
        Effect.provide(gateway(document(provider.baseUrl))),
        Effect.provideService(Scheduler.MaxOpsBeforeYield, operations),
      )
    }).pipe(Effect.scoped),
  )
}

const document = (baseUrl: string) => ({
  providers: { main: { kind: "openai" as const, base_url: baseUrl } },
  models: { fast: { provider: "main", upstream: "big-1" } },
})

const pins = Effect.map(Services.status, ({ generations }) => generations.reduce((sum, { pins }) => sum + pins, 0))

it.live("serves pipelined requests in order, and ends all of them with their connection", () =>
  Effect.gen(function* () {
    const provider = yield* fakeProvider()
    yield* Effect.gen(function* () {
      const socket = yield* connected(Number(new URL(yield* baseUrl).port))
      const text = received(socket)
      socket.write(request.repeat(3))
      const first = yield* provider.next
      yield* Effect.repeat(Effect.andThen(Effect.yieldNow, pins), { until: (count) => count === 3 })
      // A further request to the provider would have arrived by now.
      yield* raw({ method: "GET", path: "/models" })
      assert.strictEqual(provider.count(), 1)
      yield* respondJson(first, { model: "big-1", n: 1 })
      yield* respondJson(yield* provider.next, { model: "big-1", n: 2 })
      yield* text((text) => text.includes('"n":2'))
      assert.isBelow((yield* text(() => true)).indexOf('"n":1'), (yield* text(() => true)).indexOf('"n":2'))

      const third = yield* provider.next
      socket.write(request.repeat(2))
      yield* Effect.repeat(Effect.andThen(Effect.yieldNow, pins), { until: (count) => count === 3 })
      socket.destroy()
      yield* Deferred.await(third.gone)
      yield* Effect.repeat(Effect.andThen(Effect.yieldNow, pins), { until: (count) => count === 0 })
      assert.strictEqual(provider.count(), 3)
    }).pipe(Effect.provide(gateway(document(provider.baseUrl))))
  }).pipe(Effect.scoped),
)

const connected = (port: number) =>
  Effect.acquireRelease(
    Effect.callback<Socket>((resume) => {
      const socket = connect(port, "127.0.0.1", () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.destroy()),
  )

/** Waits until the text of a connection satisfies the condition. */
const received = (socket: Socket) => {
  let text = ""
  let check = () => {}
  socket.on("data", (chunk) => {
    text += chunk
    check()
  })
  return (condition: (text: string) => boolean) =>
    Effect.callback<string>((resume) => {
      check = () => condition(text) && resume(Effect.succeed(text))
      check()
    })
}
