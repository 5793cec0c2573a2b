/**
 * One line for tmux's status bar in the format of hexai: `status-right '#(signalbox status --tmux)'`. Names are untrusted, and tmux interprets `#`, so
 * every `#` in a name is doubled.
 */
import type { Status } from "../StatusDocument.ts"
import { formatBytes, modelLabel, windowLabel } from "./Labels.ts"
import { usageAt } from "./Usage.ts"

export const themes = {
  "white-on-purple": { fg: "white", bg: "magenta" },
  "black-on-yellow": { fg: "black", bg: "yellow" },
  "white-on-blue": { fg: "white", bg: "blue" },
} as const
export type Theme = keyof typeof themes

export interface TmuxOptions {
  /** Milliseconds since 1970. */
  readonly now: number
  readonly theme?: Theme | undefined
  /** Colours in tmux's spelling (`isColour`), which override the theme. Invalid ones are ignored. */
  readonly fg?: string | undefined
  readonly bg?: string | undefined
  /** Omits the model. */
  readonly narrow?: boolean | undefined
  /** Visible characters: omits the model first, then cuts the rest. 0 or unset means no limit. */
  readonly maxLength?: number | undefined
}

/** `red`, `brightred`, `default`, `colour123`, `#ff8800`: nothing that could end a style and start another command. */
export const isColour = (name: string): boolean => /^(?:[a-z]{1,16}|colou?r\d{1,3}|#[0-9a-fA-F]{6})$/.test(name)

/** Without a status the line is empty. */
export const tmuxLine = (status: Status | undefined, options: TmuxOptions): string => {
  if (status === undefined) return ""
  const { base, close, down, open, up } = styleOf(options)
  const limit = options.maxLength === undefined || options.maxLength <= 0 ? Number.POSITIVE_INFINITY : options.maxLength
  if (status.running !== undefined) {
    const parts = [part(base, `LLM:${modelLabel(status.running)} `), part("#[fg=colour11]", "⏳")]
    return open + render(cut(parts, limit)) + base + close
  }
  const { latest, totals, windowMinutes } = usageAt(status, options.now)
  const rate = `${totals.requestsPerMinute.toFixed(1)}rpm`
  const head = [
    part(base, `Σ@${windowLabel(windowMinutes)} `),
    part(up, "↑"),
    part(base, `${formatBytes(totals.bytesSent)} `),
    part(down, "↓"),
    part(base, `${formatBytes(totals.bytesReceived)} ${rate}`),
  ]
  if (options.narrow === true || latest === undefined) return open + render(cut(head, limit)) + close
  const tail = part("", ` | ${modelLabel(latest)} ${latest.requestsPerMinute.toFixed(1)}rpm ${latest.requests}r`)
  const whole = [...head, tail]
  return open + render(widthOf(whole) > limit ? cut(head, limit) : whole) + close
}

interface Style {
  readonly base: string
  readonly up: string
  readonly down: string
  readonly open: string
  readonly close: string
}

/** With a configured background, coloured arrows would be hard to see. */
const styleOf = ({ bg, fg, theme }: TmuxOptions): Style => {
  const preset = theme === undefined ? undefined : themes[theme]
  const [front, back] = [known(fg) ?? preset?.fg, known(bg) ?? preset?.bg]
  if (front === undefined && back === undefined) {
    return { base: "#[fg=default]", up: "#[fg=colour3]", down: "#[fg=colour2]", open: "", close: "" }
  }
  const base = `#[fg=${front ?? "default"}]`
  const open = `#[fg=${front ?? "default"}${back === undefined ? "" : `,bg=${back}`}]`
  return { base, up: base, down: base, open, close: "#[fg=default,bg=default]" }
}

const known = (colour: string | undefined): string | undefined =>
  colour !== undefined && isColour(colour) ? colour : undefined

interface Part {
  readonly style: string
  readonly characters: ReadonlyArray<string>
}

const part = (style: string, text: string): Part => ({ style, characters: [...text] })

const render = (parts: ReadonlyArray<Part>): string =>
  parts.map(({ characters, style }) => style + characters.join("").replaceAll("#", "##")).join("")

const widthOf = (parts: ReadonlyArray<Part>): number =>
  parts.reduce((width, { characters }) => width + characters.reduce((sum, character) => sum + columns(character), 0), 0)

/** The hourglass takes two columns. Wide scripts in names are not considered. */
const columns = (character: string): number => (character === "⏳" ? 2 : 1)

const cut = (parts: ReadonlyArray<Part>, limit: number): ReadonlyArray<Part> => {
  if (widthOf(parts) <= limit) return parts
  const kept: Array<Part> = []
  let left = limit - 1
  for (const { characters, style } of parts) {
    const taken: Array<string> = []
    for (const character of characters) {
      left -= columns(character)
      if (left < 0) return [...kept, { style, characters: [...taken, "…"] }]
      taken.push(character)
    }
    kept.push({ style, characters: taken })
  }
  return kept
}
