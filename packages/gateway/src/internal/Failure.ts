/** Why an exchange with a provider ended without an answer, and what follows from it. */

/** As the ledger calls it. */
export type FailureKind = "refused" | "timeout" | "upstream" | "drained" | "request"

export interface Failure {
  readonly kind: FailureKind
  /** What happened, as the end of a sentence that begins with the provider. */
  readonly description: string
  /** No connection could be made: the next request will fare alike. */
  readonly isDown: boolean
  /** It was certainly not sent, and another attempt may succeed at once. */
  readonly isRetryable: boolean
}

export const failureOf = (error: Error, wasSent: boolean): Failure => {
  const code = codeOf(error)
  switch (code) {
    case "UND_ERR_HEADERS_TIMEOUT":
      return { kind: "timeout", description: "did not begin to answer in time", isDown: false, isRetryable: false }
    case "UND_ERR_BODY_TIMEOUT":
      return { kind: "timeout", description: "stopped in the middle of its answer", isDown: false, isRetryable: false }
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
        description: "was let go while this request still ran",
        isDown: false,
        isRetryable: false,
      }
  }
  if (wasSent) {
    const description = code === undefined ? error.message : `broke off (${code})`
    return { kind: "upstream", description, isDown: false, isRetryable: false }
  }
  const detail = error.message === "" ? (code ?? error.name) : error.message.slice(0, 200)
  // Something is wrong with the request, and not with the provider: a caller could have made it so.
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

/** What may be over at once. */
const transientCodes = new Set(["ECONNRESET", "EPIPE", "ECONNREFUSED", "UND_ERR_SOCKET"])

// Node tries all addresses of a name, and undici and OpenSSL have codes of their own.
const codeOf = (error: Coded): string | undefined => {
  if (typeof error.code === "string") return error.code
  const first = Array.isArray(error.errors) ? error.errors[0] : undefined
  return first === undefined ? undefined : codeOf(first)
}
interface Coded extends Error {
  readonly code?: unknown
  readonly errors?: ReadonlyArray<Coded>
}
