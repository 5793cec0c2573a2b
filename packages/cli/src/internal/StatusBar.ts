/**
 * `status --tmux`: the line for a status bar, from what the host writes beside its document. Pure and without effect: a bar asks every few
 * seconds. Flags stand above hexai's settings under our name (`SIGNALBOX_TMUX_STATUS…`).
 */
import { hostPaths } from "@signalbox/server/HostPaths"
import { isColour, readStatus, type Theme, themes, tmuxLine, tmuxSettings } from "@signalbox/server/StatusLine"
import { whichDocument } from "./DocumentPath.ts"

export interface TmuxFlags {
  readonly config?: string
  readonly narrow?: boolean
  readonly maxLength?: number
  readonly theme?: Theme
  readonly fg?: string
  readonly bg?: string
}

/** Empty where there is nothing to say. */
export const drawTmux = (flags: TmuxFlags, environment: NodeJS.ProcessEnv): string => {
  const settings = tmuxSettings(environment)
  const which = whichDocument(flags.config, environment)
  if (!settings.enabled || which === undefined || which === "no-directory") return ""
  const status = readStatus(hostPaths(which.path).status)
  return tmuxLine(status, { ...settings, ...flags, now: Date.now() })
}

export const themeNames = Object.keys(themes)

export const isTheme = (name: string): name is Theme => Object.hasOwn(themes, name)

/** The answer to `status --tmux …`; `undefined` for all that is not exactly that: the whole program knows it, or what is wrong with it. */
export const tmuxAnswer = (args: ReadonlyArray<string>): string | undefined => {
  if (args[0] !== "status" || !args.includes("--tmux")) return undefined
  const flags = flagsOf(args.slice(1))
  return flags === undefined ? undefined : drawTmux(flags, process.env)
}

const flagsOf = (words: ReadonlyArray<string>): TmuxFlags | undefined => {
  const found: { -readonly [Key in keyof TmuxFlags]: TmuxFlags[Key] } = {}
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? ""
    if (word === "--tmux") continue
    if (word === "--narrow") {
      found.narrow = true
      continue
    }
    const equals = word.indexOf("=")
    const name = equals === -1 ? word : word.slice(0, equals)
    const value = equals === -1 ? words[++index] : word.slice(equals + 1)
    if (value === undefined || !set(found, name, value)) return undefined
  }
  return found
}

const set = (flags: { -readonly [Key in keyof TmuxFlags]: TmuxFlags[Key] }, name: string, value: string): boolean => {
  switch (name) {
    case "--config":
      flags.config = value
      return value !== ""
    case "--max-length":
      flags.maxLength = Number(value)
      return /^\d{1,5}$/.test(value)
    case "--theme":
      if (isTheme(value)) flags.theme = value
      return isTheme(value)
    case "--fg":
    case "--bg":
      flags[name === "--fg" ? "fg" : "bg"] = value
      return isColour(value)
    default:
      return false
  }
}
