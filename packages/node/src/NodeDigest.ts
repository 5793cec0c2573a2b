/**
 * Effect's `Digest` on node:crypto. It is synchronous, where WebCrypto would send each small document through the thread pool.
 */
import { layerDigest } from "@effect/platform-node/NodeCrypto"
import type { Layer } from "effect"
import type { Digest } from "effect/crypto"

/** Provides SHA-256 and other digests on node:crypto. */
export const layer: Layer.Layer<Digest.Digest> = layerDigest
