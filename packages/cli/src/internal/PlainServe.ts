/**
 * `serve` and its flags, as it is mostly called, read by Node's own parser: a host starts a tenth sooner without the tree of all commands.
 * Whatever is not plain, or is wrong, is left to effect/cli, which knows more and says it.
 */
import { parseArgs } from "node:util"
import { type HostPaths, hostPaths } from "@signalbox/server/HostPaths"
import { whichDocument } from "./DocumentPath.ts"

export const logFormats = ["text", "json"] as const

/** TCP's; 0 is any that is free. */
export const isPort = (port: number): boolean => port >= 0 && port <= 65_535

export interface ServeFlags {
  /** `undefined`: as the configuration says. */
  readonly port: number | undefined
  readonly strict: boolean
  readonly logFormat: (typeof logFormats)[number]
}

/** `undefined`: not plain. */
export const plainServe = (
  args: ReadonlyArray<string>,
  environment: NodeJS.ProcessEnv,
): (ServeFlags & { readonly place: HostPaths }) | undefined => {
  const words = wordsOf(args)
  if (words === undefined) return undefined
  const { config, "log-format": format = "text", port, strict = false } = words
  const logFormat = logFormats.find((known) => known === format)
  if (config === "" || logFormat === undefined) return undefined
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && isPort(Number(port)))) return undefined
  const which = whichDocument(config, environment)
  if (which === undefined || which === "no-directory") return undefined
  return { place: hostPaths(which.path), port: port === undefined ? undefined : Number(port), strict, logFormat }
}

const wordsOf = (args: ReadonlyArray<string>) => {
  if (!args.includes("serve")) return undefined
  try {
    const { tokens, values } = parseArgs({
      args: [...args],
      options: {
        config: { type: "string" },
        port: { type: "string" },
        strict: { type: "boolean" },
        "log-format": { type: "string" },
      },
      allowPositionals: true,
      tokens: true,
    })
    const said = tokens.map((token) => (token.kind === "option" ? token.name : token.kind))
    const own = said.slice(said.indexOf("positional") + 1)
    const isPlain =
      new Set(said).size === said.length &&
      !said.includes("option-terminator") &&
      tokens.every((token) => token.kind !== "positional" || token.value === "serve") &&
      // Those of `serve` stand behind it.
      said.every((name) => name === "config" || name === "positional" || own.includes(name))
    return isPlain ? values : undefined
  } catch {
    return undefined
  }
}
