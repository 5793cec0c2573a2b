import { join } from "node:path"
import { Credentials } from "@signalbox/core/Credentials"
import { EventBus } from "@signalbox/core/EventBus"
import { credentialsSuite } from "@signalbox/core/testing/CredentialsSuite"
import * as Signalbox from "@signalbox/node/Signalbox"
import { Effect, Layer } from "effect"
import { temporaryDirectory } from "./programs/Program.ts"

const onFiles = Layer.unwrap(
  Effect.map(temporaryDirectory, (directory) => Credentials.layerAt(join(directory, "a", "credentials.json"))),
).pipe(Layer.provideMerge(EventBus.layer), Layer.provide(Signalbox.layerPlatform))

credentialsSuite("Credentials in a real file", onFiles)
