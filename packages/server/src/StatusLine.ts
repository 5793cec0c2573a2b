/**
 * A status line without a host to ask: it reads what the host wrote (`StatusFile`) and draws it. Nothing here imports Effect, because a status bar
 * starts it every few seconds.
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

/** How the line is drawn. */
export interface TmuxSettings {
  /** Off: print nothing. */
  readonly enabled: boolean
  readonly theme: Theme | undefined
  readonly fg: string | undefined
  readonly bg: string | undefined
  readonly narrow: boolean
  /** 0: no limit. */
  readonly maxLength: number
}

/**
 * hexai's settings under our name: `SIGNALBOX_TMUX_STATUS` (on unless it is something else than 1, true, yes, on), `…_THEME`, `…_FG`, `…_BG`,
 * `…_NARROW`, `…_MAXLEN`. What makes no sense counts as not set: a status bar is no place to complain.
 */
export const tmuxSettings = (environment: Readonly<Record<string, string | undefined>>): TmuxSettings => {
  const said = (name: string): string => (environment[`SIGNALBOX_TMUX_STATUS${name}`] ?? "").trim().toLowerCase()
  const colour = (name: string): string | undefined => (isColour(said(name)) ? said(name) : undefined)
  const isOn = (text: string): boolean => /^(?:1|true|yes|on)$/.test(text)
  const theme = said("_THEME")
  return {
    enabled: said("") === "" || isOn(said("")),
    theme: isTheme(theme) ? theme : undefined,
    fg: colour("_FG"),
    bg: colour("_BG"),
    narrow: isOn(said("_NARROW")),
    maxLength: /^\d{1,5}$/.test(said("_MAXLEN")) ? Number(said("_MAXLEN")) : 0,
  }
}

const isTheme = (name: string): name is Theme => Object.hasOwn(themes, name)
