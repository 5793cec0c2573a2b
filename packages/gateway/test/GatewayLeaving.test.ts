import { connect, type Socket } from "node:net"
import { assert, it } from "@effect/vitest"
import { UpstreamClients } from "@signalbox/gateway"
import { Deferred, Effect, Scheduler } from "effect"
import { answerJson, fakeProvider } from "./FakeProvider.ts"
import { ask, baseUrl, gateway, Services } from "./GatewayHost.ts"
import { Generator } from "./Generated.ts"
import { raw } from "./Raw.ts"

const body = JSON.stringify(ask("hello"))
const request = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`

/** Sends a request and breaks off so many turns of the event loop later. */
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

/** An interrupt that comes between two steps must find the one that undoes the first: fibers yield after so many. */
for (const operations of [3, 5, 13, 2048]) {
  it.live(`callers that leave at any moment leave nothing behind (seed ${seed}, yields after ${operations})`, () =>
    Effect.gen(function* () {
      const random = new Generator(seed)
      const provider = yield* fakeProvider()
      yield* Effect.gen(function* () {
        const port = Number(new URL(yield* baseUrl).port)
        const clients = yield* Services.provide(Effect.map(UpstreamClients, (clients) => clients))
        const answering = Effect.flatMap(provider.next, ({ response }) =>
          Effect.sync(() => random.chance(0.5) && response.end('{"model":"big-1"}')),
        )
        yield* Effect.forkChild(Effect.forever(answering))
        yield* Effect.forEach(
          Array.from({ length: 200 }, () => random.below(12)),
          (turns) => leave(port, turns),
          { concurrency: 20, discard: true },
        )
        // The last ones may still be on their way; what was left behind would stay for ever.
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

it.live(
  "requests that come before an answer has ended are carried in their turn, and all end with their connection",
  () =>
    Effect.gen(function* () {
      const provider = yield* fakeProvider()
      yield* Effect.gen(function* () {
        const socket = yield* connected(Number(new URL(yield* baseUrl).port))
        const text = received(socket)
        socket.write(request.repeat(3))
        const first = yield* provider.next
        yield* Effect.repeat(Effect.andThen(Effect.yieldNow, pins), { until: (count) => count === 3 })
        // Whatever goes to the provider would be there by now.
        yield* raw({ method: "GET", path: "/models" })
        assert.strictEqual(provider.count(), 1)
        yield* answerJson(first, { model: "big-1", n: 1 })
        yield* answerJson(yield* provider.next, { model: "big-1", n: 2 })
        yield* text((said) => said.includes('"n":2'))
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

/** All text of a connection so far, once it satisfies the condition. */
const received = (socket: Socket) => {
  let text = ""
  let look = () => {}
  socket.on("data", (chunk) => {
    text += chunk
    look()
  })
  return (condition: (text: string) => boolean) =>
    Effect.callback<string>((resume) => {
      look = () => condition(text) && resume(Effect.succeed(text))
      look()
    })
}
