/**
 * One request to a provider and its response, as callbacks because every byte takes this path. They follow the order of the protocol; none is
 * called after `onResponseEnd` or `onResponseError`. The names are undici's, whose dispatcher calls them directly.
 */
import type { IncomingHttpHeaders } from "node:http"

/** Controls an exchange. */
export interface Control {
  /** Ends the exchange now. Calls `onResponseError` with the reason, unless the exchange has ended. */
  abort(reason: Error): void
  /** Stops `onResponseData` until `resume`. A chunk that is already on its way may still arrive. */
  pause(): void
  resume(): void
}

/** Receives a response as it arrives. */
export interface Listener {
  /** The request is about to be written: from now on the provider may have acted on it. */
  onRequestStart(control: Control): void
  onResponseStart(control: Control, status: number, headers: IncomingHttpHeaders): void
  onResponseData(control: Control, chunk: Buffer): void
  onResponseEnd(): void
  /** If no `onRequestStart` came before, the request was not sent and `control` is `null`. */
  onResponseError(control: Control | null, error: Error): void
}

/** Headers of the caller that are sent to the provider: names and values in turn. */
export type ForwardedHeaders = ReadonlyArray<string>

/** The client of one provider. */
export interface Upstream {
  readonly provider: string
  readonly kind: "openai" | "anthropic" | "echo"
  /**
   * Sends the body of a `POST /v1/chat/completions`, in which `model` is already the upstream model. `undefined` if this kind of provider does
   * not support the protocol.
   */
  readonly chatCompletions: ((body: Uint8Array, headers: ForwardedHeaders, listener: Listener) => void) | undefined
  /** Requests in flight, counted by the code that sends them. */
  readonly load: { inFlight: number }
  /** Whether the provider refuses the key: from a 401 until the next successful response. A new key creates a new client. */
  readonly keyStatus: { isRefused: boolean }
  /** Replaces the provider's key in a text, in every encoding of it. */
  readonly redact: (text: string) => string
  /** The key itself, for a cheap check whether a response contains it. `undefined` without a key, or if the key is a placeholder. */
  readonly secret: { readonly text: string; readonly bytes: Buffer } | undefined
}
