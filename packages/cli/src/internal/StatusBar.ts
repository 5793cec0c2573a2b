/**
 * `status --tmux`: draws the line of a status bar from the status file that the host writes beside its document. Does not use effect, because tmux runs
 * it every few seconds. Flags override the `SIGNALBOX_TMUX_STATUS…` variables, which correspond to hexai's.
 */
import { hostPaths } from "@signalbox/server/HostPaths"
import { isColour, readStatus, type Theme, themes, tmuxLine, tmuxSettings } from "@signalbox/server/StatusLine"
import { findDocument } from "./DocumentPath.ts"

export interface StatusBarFlags {
  readonly config?: string
  readonly narrow?: boolean
  readonly maxLength?: number
  readonly theme?: Theme
  readonly fg?: string
  readonly bg?: string
}

/** Empty when no host is running, or the bar is turned off. */
export const drawStatusBar = (flags: StatusBarFlags, environment: NodeJS.ProcessEnv): string => {
  const settings = tmuxSettings(environment)
  const document = findDocument(flags.config, environment)
  if (!settings.enabled || typeof document === "string") return ""
  const status = readStatus(hostPaths(document.path).status)
  return tmuxLine(status, { ...settings, ...flags, now: Date.now() })
}

export const themeNames = Object.keys(themes)

export const isTheme = (name: string): name is Theme => Object.hasOwn(themes, name)

/** The line for `status --tmux …`. `undefined` for every other command line, which effect/cli handles. */
export const statusBarOf = (args: ReadonlyArray<string>): string | undefined => {
  if (args[0] !== "status" || !args.includes("--tmux")) return undefined
  const flags = flagsOf(args.slice(1))
  return flags === undefined ? undefined : drawStatusBar(flags, process.env)
}

type Flags = { -readonly [Key in keyof StatusBarFlags]: StatusBarFlags[Key] }

const flagsOf = (words: ReadonlyArray<string>): StatusBarFlags | undefined => {
  const flags: Flags = {}
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? ""
    if (word === "--tmux") continue
    if (word === "--narrow") {
      flags.narrow = true
      continue
    }
    const equals = word.indexOf("=")
    const name = equals === -1 ? word : word.slice(0, equals)
    const value = equals === -1 ? words[++index] : word.slice(equals + 1)
    if (value === undefined || !setFlag(flags, name, value)) return undefined
  }
  return flags
}

/** `false` for an unknown flag or a wrong value. */
const setFlag = (flags: Flags, name: string, value: string): boolean => {
  switch (name) {
    case "--config":
      flags.config = value
      return value !== ""
    case "--max-length":
      flags.maxLength = Number(value)
      return /^[1-9]\d{0,4}$/.test(value)
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
