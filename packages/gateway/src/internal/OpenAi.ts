/**
 * Anything that speaks OpenAI's protocol over HTTP/1.1. One pool of connections, closed when the client is let go. Authorization is made
 * from the provider's `api_key`; nothing of the caller's identity travels.
 */
import { concealer, isSecret } from "@signalbox/core/Concealment"
import type { Provider } from "@signalbox/core/Providers"
import { Effect, Redacted, type Scope } from "effect"
import type { Upstream } from "./Exchange.ts"

/** Connections to one provider; the gateway has at most so many requests under way there. */
export const maxConnections = 1_024
/** Until a connection stands. */
export const connectTimeoutMillis = 10_000
/** From the request to the head of its answer: a model that thinks answers late. */
export const headersTimeoutMillis = 600_000
/** Between two chunks of an answer. */
export const bodyTimeoutMillis = 300_000

export const make = (
  provider: Extract<Provider, { readonly kind: "openai" }>,
  name: string,
): Effect.Effect<Upstream, never, Scope.Scope> =>
  Effect.gen(function* () {
    // It takes as long to load as all the rest of a host: only who has such a provider waits for it, while this is built.
    const { Pool } = yield* Effect.promise(() => import("undici"))
    const url = new URL(provider.baseUrl)
    const pool = yield* Effect.acquireRelease(
      Effect.sync(
        () =>
          new Pool(url.origin, {
            connections: maxConnections,
            connectTimeout: connectTimeoutMillis,
            headersTimeout: headersTimeoutMillis,
            bodyTimeout: bodyTimeoutMillis,
            // One request, one connection: to abort one ends nothing else.
            allowH2: false,
            pipelining: 1,
          }),
      ),
      // Nobody holds it any more, or whoever does was told that the generation ends.
      (pool) => Effect.promise(() => pool.destroy()),
    )
    const key = provider.apiKey === undefined ? undefined : Redacted.value(provider.apiKey)
    // Answers are searched for a key, so that a provider that quotes it does not tell it: words that happen to be a placeholder must stay in them.
    const secret = key === undefined || !isSecret(key) ? undefined : { text: key, bytes: Buffer.from(key) }
    const path = `${url.pathname.replace(/\/+$/, "")}/chat/completions`
    const fixed = ["content-type", "application/json", "accept-encoding", "identity"]
    if (key !== undefined) fixed.push("authorization", `Bearer ${key}`)

    return {
      provider: name,
      kind: provider.kind,
      chatCompletions: (body, headers, listener) =>
        void pool.dispatch({ method: "POST", path, body, headers: [...fixed, ...headers] }, listener),
      load: { inFlight: 0 },
      keyStatus: { isRefused: false },
      redact: concealer(new Set(secret === undefined ? [] : [secret.text])),
      secret,
    }
  })
