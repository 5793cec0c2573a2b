/**
 * Renders a status line from the file that the host writes (`StatusFile`), without a request to the host. This module does not import effect, because
 * a status bar starts it every few seconds.
 */
import { isColour, type Theme, themes } from "./internal/StatusLine/Tmux.ts"

export {
  encodeStatus,
  maxModels,
  otherModels,
  type Running,
  readStatus,
  type Status,
} from "./internal/StatusDocument.ts"
export { plainStatus } from "./internal/StatusLine/Plain.ts"
export { isColour, type Theme, type TmuxOptions, themes, tmuxLine } from "./internal/StatusLine/Tmux.ts"
export { type ModelUsage, type StatusUsage, type Usage, usageAt } from "./internal/StatusLine/Usage.ts"

/** Settings of the line. */
export interface TmuxSettings {
  /** If `false`, the line is empty. */
  readonly enabled: boolean
  readonly theme: Theme | undefined
  readonly fg: string | undefined
  readonly bg: string | undefined
  readonly narrow: boolean
  /** 0: no limit. */
  readonly maxLength: number
}

/**
 * Reads the settings from the environment, with hexai's names after our prefix: `SIGNALBOX_TMUX_STATUS` (on if unset, 1, true, yes or on), `…_THEME`,
 * `…_FG`, `…_BG`, `…_NARROW`, `…_MAXLEN`. Invalid values count as unset, because a status bar cannot show errors.
 *
 * **Example** (Drawing the line of a host)
 *
 * ```ts
 * import { readStatus, tmuxLine, tmuxSettings } from "@signalbox/server/StatusLine"
 *
 * const settings = tmuxSettings({ SIGNALBOX_TMUX_STATUS_NARROW: "yes" })
 *
 * tmuxLine(readStatus("/no-such-file"), { ...settings, now: Date.now() }) // => ""
 * ```
 */
export const tmuxSettings = (environment: Readonly<Record<string, string | undefined>>): TmuxSettings => {
  const setting = (name: string): string => (environment[`SIGNALBOX_TMUX_STATUS${name}`] ?? "").trim().toLowerCase()
  const colour = (name: string): string | undefined => (isColour(setting(name)) ? setting(name) : undefined)
  const isOn = (text: string): boolean => /^(?:1|true|yes|on)$/.test(text)
  const theme = setting("_THEME")
  return {
    enabled: setting("") === "" || isOn(setting("")),
    theme: isTheme(theme) ? theme : undefined,
    fg: colour("_FG"),
    bg: colour("_BG"),
    narrow: isOn(setting("_NARROW")),
    maxLength: /^\d{1,5}$/.test(setting("_MAXLEN")) ? Number(setting("_MAXLEN")) : 0,
  }
}

const isTheme = (name: string): name is Theme => Object.hasOwn(themes, name)
