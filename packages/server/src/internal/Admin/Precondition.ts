/** Converts `If-Match` (RFC 9110, 13.1.1) into the store's `ifHash`. An entity tag is the quoted hash of the document. */
import { Invalid } from "@signalbox/api/Problems"
import { Result } from "effect"

export const etagOf = (hash: string): string => `"${hash}"`

/**
 * Returns the required hash, or `undefined` for any. Of several tags it returns the one in force, which the store compares again when it writes. A weak
 * tag never matches. A hash without quotes is accepted.
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

const detail = "If-Match contains no valid entity tag. Send the ETag of a response unchanged, with its quotes, or `*`."
