/** `If-Match` (RFC 9110, 13.1.1) as the store's `ifHash`. An entity tag is the document's hash in quotes. */
import { Invalid } from "@signalbox/api/Problems"
import { Result } from "effect"

export const etagOf = (hash: string): string => `"${hash}"`

/**
 * The hash that must stand there; nothing: any. Of several the one that is in force, so that the store compares it again when it writes. A weak tag
 * is never the same as a strong one, and so matches nothing. A hash without quotes is taken for what it is meant to be.
 */
export const ifHash = (header: string | undefined, inForce: string): Result.Result<string | undefined, Invalid> => {
  if (header === undefined || header.trim() === "*") return Result.succeed(undefined)
  const tags = header.split(",").map((tag) => tag.trim())
  const hashes: Array<string> = []
  for (const tag of tags) {
    const [, weak, quoted, bare] = /^(?:(W\/)?"([\x21\x23-\x7e]{1,200})"|([0-9a-f]{64}))$/.exec(tag) ?? []
    const hash = quoted ?? bare
    if (hash === undefined) return Result.fail(new Invalid({ detail }))
    hashes.push(weak === undefined ? hash : `${weak}${hash}`)
  }
  return Result.succeed(hashes.find((hash) => hash === inForce) ?? hashes[0])
}

const detail = "If-Match names no entity tag. Send the ETag of an answer as it is, quotes included, or `*`."
