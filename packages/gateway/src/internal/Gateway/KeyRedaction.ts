/**
 * What a provider says, without the key that it knows us by. Errors are searched for the key in every spelling, as providers quote a key that
 * they refuse, and not always as they got it; of other answers every byte is paid for, so that the key is found there as it is.
 */
import type { Upstream } from "../Exchange.ts"

/** Errors up to this size are searched for every spelling, whatever they are. */
const maxErrorBytes = 1024 * 1024

/** Whether this value of a header holds the key. */
export const holdsKey = ({ redact, secret }: Upstream, status: number, value: string): boolean => {
  if (secret === undefined) return false
  return status >= 300 ? redact(value) !== value : value.includes(secret.text)
}

export const redactKey = ({ redact, secret }: Upstream, bytes: Buffer): Buffer =>
  secret === undefined || !bytes.includes(secret.bytes) ? bytes : Buffer.from(redact(bytes.toString()))

/** However it is spelled. */
export const redactKeyInError = (upstream: Upstream, bytes: Buffer): Buffer => {
  if (upstream.secret === undefined || bytes.length > maxErrorBytes) return redactKey(upstream, bytes)
  const text = bytes.toString()
  const shown = upstream.redact(text)
  return shown === text ? bytes : Buffer.from(shown)
}
