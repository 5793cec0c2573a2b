/**
 * A part of the bundle that is gone when it is needed: an update has replaced the program while it ran. Node's error names files and modules; here every
 * caller, such as a host that builds a client, gets a sentence.
 */
import { Module } from "node:module"
import { dirname } from "node:path"

export const replacedProgram =
  "a part of this program is gone: it was replaced or removed while it ran. Restart the host, or run the command again"

type Resolve = (request: string, parent: { readonly filename?: string } | undefined, ...rest: Array<unknown>) => string

/** For the bundle, whose chunks are CommonJS modules in its directory. */
export const describeMissingChunks = (bundle: string): void => {
  const loader = Module as unknown as { _resolveFilename: Resolve }
  const resolve = loader._resolveFilename
  loader._resolveFilename = (request, parent, ...rest) => {
    try {
      return resolve.call(Module, request, parent, ...rest)
    } catch (error) {
      const isChunk = /^\.\.?\/[\w./-]+\.cjs$/.test(request) && parent?.filename?.startsWith(dirname(bundle)) === true
      throw isChunk ? new Error(replacedProgram) : error
    }
  }
}
