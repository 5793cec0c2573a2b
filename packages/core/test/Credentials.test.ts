import { Credentials } from "@signalbox/core/Credentials"
import { EventBus } from "@signalbox/core/EventBus"
import { credentialsSuite } from "@signalbox/core/testing/CredentialsSuite"
import { Layer } from "effect"

credentialsSuite("Credentials in memory", Layer.provideMerge(Credentials.layerMemory, EventBus.layer))
