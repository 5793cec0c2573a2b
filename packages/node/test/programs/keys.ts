/**
 * Adds keys to a file that others change at the same time, and prints the secret of each key as soon as the key is in force.
 * Arguments: file, prefix of the ids, number.
 */
import { Credentials } from "@signalbox/core/Credentials"
import { EventBus } from "@signalbox/core/EventBus"
import * as Signalbox from "@signalbox/node/Signalbox"
import { Effect, Layer, Redacted } from "effect"

const [file = "", prefix = "", times = "0"] = process.argv.slice(2)

const main = Effect.gen(function* () {
  const { add } = yield* Credentials
  for (let i = 0; i < Number(times); i++) {
    const { credential, secret } = yield* add({ id: `${prefix}${i}` })
    process.stdout.write(`${JSON.stringify([credential.id, Redacted.value(secret)])}\n`)
  }
})

await Effect.runPromise(
  Effect.provide(
    main,
    Credentials.layerAt(file).pipe(Layer.provide(EventBus.layer), Layer.provide(Signalbox.layerPlatform)),
  ),
)
