/**
 * The client for servers with OpenAI's protocol over HTTP/1.1. It has one connection pool, closed when the client is released. It authorizes with
 * the provider's `api_key` and never forwards the caller's identity.
 */
import { concealer, isSecret } from "@signalbox/core/Concealment"
import type { Provider } from "@signalbox/core/Providers"
import { Effect, Redacted, type Scope } from "effect"
import type { Upstream } from "./Exchange.ts"

/** Connections to one provider, and so the maximum of its requests in flight. */
export const maxConnections = 1_024
/** To open a connection. */
export const connectTimeoutMillis = 10_000
/** From the request to the response headers. Reasoning models may take minutes. */
export const headersTimeoutMillis = 600_000
/** Between two chunks of a response. */
export const bodyTimeoutMillis = 300_000

export const make = (
  provider: Extract<Provider, { readonly kind: "openai" }>,
  name: string,
): Effect.Effect<Upstream, never, Scope.Scope> =>
  Effect.gen(function* () {
    // Loading undici takes as long as the rest of a host, so only a host with such a provider loads it.
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
            // One request per connection, so that aborting one request affects no other.
            allowH2: false,
            pipelining: 1,
          }),
      ),
      // No request uses the pool any more, or the drain limit has ended those that did.
      (pool) => Effect.promise(() => pool.destroy()),
    )
    const key = provider.apiKey === undefined ? undefined : Redacted.value(provider.apiKey)
    // Responses are searched for the key, because providers quote it. A placeholder key is an ordinary word and must stay in the response.
    const secret = key === undefined || !isSecret(key) ? undefined : { text: key, bytes: Buffer.from(key) }
    const path = `${url.pathname.replace(/\/+$/, "")}/chat/completions`
    const ownHeaders = ["content-type", "application/json", "accept-encoding", "identity"]
    if (key !== undefined) ownHeaders.push("authorization", `Bearer ${key}`)

    return {
      provider: name,
      kind: provider.kind,
      chatCompletions: (body, headers, listener) =>
        void pool.dispatch({ method: "POST", path, body, headers: [...ownHeaders, ...headers] }, listener),
      load: { inFlight: 0 },
      keyStatus: { isRefused: false },
      redact: concealer(new Set(secret === undefined ? [] : [secret.text])),
      secret,
    }
  })
