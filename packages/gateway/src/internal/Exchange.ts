/**
 * One request and its answer as a client tells of it: callbacks, because this is the path of every byte. They come in the order of the
 * protocol; after `onResponseEnd` or `onResponseError` nothing follows. The names are those of undici, whose dispatcher calls them as they are.
 */
import type { IncomingHttpHeaders } from "node:http"

/** What a listener can do to its exchange. */
export interface Control {
  /** Ends the exchange now; `onResponseError` with this reason follows, unless it had ended. */
  abort(reason: Error): void
  /** No `onResponseData` until `resume`; one that is on its way may still come. */
  pause(): void
  resume(): void
}

/** Who is told of an answer, as it comes. */
export interface Listener {
  /** The request is about to be written: from here on nobody knows whether the provider has acted on it. */
  onRequestStart(control: Control): void
  onResponseStart(control: Control, status: number, headers: IncomingHttpHeaders): void
  onResponseData(control: Control, chunk: Buffer): void
  onResponseEnd(): void
  /** Without `onRequestStart` before it the request was certainly not sent; there is no control then. */
  onResponseError(control: Control | null, error: Error): void
}

/** What the caller's request says beside its body, and may travel on. */
export type ForwardedHeaders = ReadonlyArray<string>

/** One provider's client. */
export interface Upstream {
  readonly provider: string
  readonly kind: "openai" | "anthropic" | "echo"
  /**
   * Sends the body of a `POST /v1/chat/completions` in which `model` is already the provider's; `headers` are names and values in turn.
   * `undefined`: this kind of provider does not speak that protocol.
   */
  readonly chatCompletions: ((body: Uint8Array, headers: ForwardedHeaders, listener: Listener) => void) | undefined
  /** Counts those that have begun and not ended, whoever sends them. */
  readonly load: { inFlight: number }
  /** Whether the provider refuses the key: from a 401 to the next answer that is a success. Another key makes another client. */
  readonly keyStatus: { isRefused: boolean }
  /** The provider's key, however it is spelled, out of a text. */
  readonly redact: (text: string) => string
  /** The key itself, if answers are to be searched for it: to know cheaply that there is nothing to conceal. */
  readonly secret: { readonly text: string; readonly bytes: Buffer } | undefined
}
