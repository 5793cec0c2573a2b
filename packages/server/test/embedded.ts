import { Host, Listening } from "@signalbox/server"
import { Console, Effect, Layer } from "effect"

/** Sends one chat request, as any client of OpenAI's API would. */
const ask = Effect.gen(function* () {
  const { url } = yield* Listening
  const response = yield* Effect.promise(() =>
    fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "echo", messages: [{ role: "user", content: "Hello" }] }),
    }),
  )
  return yield* Effect.promise(() => response.text())
})

export const program = (config: string) => Effect.provide(ask, Layer.fresh(Host.layer({ config, port: 0 })))

if (process.argv[1] === import.meta.filename) {
  await Effect.runPromise(Effect.flatMap(program("/tmp/signalbox-embedded/config.json"), (text) => Console.log(text)))
}
