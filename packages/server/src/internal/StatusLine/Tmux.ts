/**
 * One line for tmux's status bar, as hexai draws it (facts/hexai.md): `status-right '#(signalbox status --tmux)'`. Names come from files that
 * anybody may have written; tmux takes `#` for its own, so theirs are doubled.
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
  /** Colours as tmux names them (`isColour`); above the theme. What is none is passed over. */
  readonly fg?: string | undefined
  readonly bg?: string | undefined
  /** Only the sums, without the model. */
  readonly narrow?: boolean | undefined
  /** Characters that are seen: the model goes first, then what is too much of the rest. 0 and without: no limit. */
  readonly maxLength?: number | undefined
}

/** `red`, `brightred`, `default`, `colour123`, `#ff8800`: nothing that could end a style and begin something else. */
export const isColour = (name: string): boolean => /^(?:[a-z]{1,16}|colou?r\d{1,3}|#[0-9a-fA-F]{6})$/.test(name)

/** Without a status there is nothing to say, and the line is empty. */
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

/** On a background of our own, arrows in colours of their own would be hard to see. */
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

/** The hourglass is as wide as two letters; names in scripts that are wide too are rare enough. */
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
