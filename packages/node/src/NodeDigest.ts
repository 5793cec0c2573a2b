/**
 * Effect's own `Digest` on node:crypto: synchronous, where WebCrypto would send each small document through the thread pool. Named here so
 * that the composed layer and hosts take all of the platform from one place.
 */
import { layerDigest } from "@effect/platform-node/NodeCrypto"
import type { Layer } from "effect"
import type { Digest } from "effect/crypto"

/** SHA-256 and its like on node:crypto. */
export const layer: Layer.Layer<Digest.Digest> = layerDigest
