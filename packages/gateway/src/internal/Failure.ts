/** Why an exchange with a provider ended without a complete response, and what follows from it. */

/** The spelling of the ledger. */
export type FailureKind = "refused" | "timeout" | "upstream" | "drained" | "request"

export interface Failure {
  readonly kind: FailureKind
  /** The end of a sentence whose subject is the provider. */
  readonly description: string
  /** No connection could be made, so the next request would fail as well. */
  readonly isDown: boolean
  /** The request was not sent, and a second try may succeed at once. */
  readonly isRetryable: boolean
}

export const failureOf = (error: Error, wasSent: boolean): Failure => {
  const code = codeOf(error)
  switch (code) {
    case "UND_ERR_HEADERS_TIMEOUT":
      return { kind: "timeout", description: "did not start its response in time", isDown: false, isRetryable: false }
    case "UND_ERR_BODY_TIMEOUT":
      return {
        kind: "timeout",
        description: "stopped in the middle of its response",
        isDown: false,
        isRetryable: false,
      }
    case "UND_ERR_CONNECT_TIMEOUT":
      return {
        kind: "timeout",
        description: "did not accept a connection in time",
        isDown: !wasSent,
        isRetryable: false,
      }
    case "UND_ERR_DESTROYED":
    case "UND_ERR_CLOSED":
      return {
        kind: "drained",
        description: "was released while this request still ran",
        isDown: false,
        isRetryable: false,
      }
  }
  if (wasSent) {
    const description = code === undefined ? error.message : `closed the connection (${code})`
    return { kind: "upstream", description, isDown: false, isRetryable: false }
  }
  const detail = error.message === "" ? (code ?? error.name) : error.message.slice(0, 200)
  // The request itself is at fault, which a caller can cause; the provider is not down.
  if (code?.startsWith("UND_ERR_") === true && code !== "UND_ERR_SOCKET") {
    return {
      kind: "request",
      description: `cannot be sent this request (${detail})`,
      isDown: false,
      isRetryable: false,
    }
  }
  const isRetryable = code !== undefined && transientCodes.has(code)
  return { kind: "refused", description: `cannot be reached (${detail})`, isDown: true, isRetryable }
}

/** Errors that a second try may not meet. */
const transientCodes = new Set(["ECONNRESET", "EPIPE", "ECONNREFUSED", "UND_ERR_SOCKET"])

// Node tries every address of a name and reports all errors. undici and OpenSSL have codes of their own.
const codeOf = (error: ErrorWithCode): string | undefined => {
  if (typeof error.code === "string") return error.code
  const first = Array.isArray(error.errors) ? error.errors[0] : undefined
  return first === undefined ? undefined : codeOf(first)
}
interface ErrorWithCode extends Error {
  readonly code?: unknown
  readonly errors?: ReadonlyArray<ErrorWithCode>
}
