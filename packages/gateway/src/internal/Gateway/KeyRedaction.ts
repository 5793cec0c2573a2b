/**
 * Removes the provider's key from its responses. Errors are searched for every encoding of the key, because providers quote a key that they
 * refuse, not always verbatim. Other responses are searched for the verbatim key only, because every byte there costs time.
 */
import type { Upstream } from "../Exchange.ts"

/** Larger errors are searched for the verbatim key only. */
const maxErrorBytes = 1024 * 1024

/** Whether a header value contains the key. */
export const holdsKey = ({ redact, secret }: Upstream, status: number, value: string): boolean => {
  if (secret === undefined) return false
  return status >= 300 ? redact(value) !== value : value.includes(secret.text)
}

export const redactKey = ({ redact, secret }: Upstream, bytes: Buffer): Buffer =>
  secret === undefined || !bytes.includes(secret.bytes) ? bytes : Buffer.from(redact(bytes.toString()))

/** Redacts every encoding of the key. */
export const redactKeyInError = (upstream: Upstream, bytes: Buffer): Buffer => {
  if (upstream.secret === undefined || bytes.length > maxErrorBytes) return redactKey(upstream, bytes)
  const text = bytes.toString()
  const redacted = upstream.redact(text)
  return redacted === text ? bytes : Buffer.from(redacted)
}
