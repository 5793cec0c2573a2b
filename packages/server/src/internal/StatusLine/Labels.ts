/** Short labels for numbers and names, in hexai's format. */
import { invisible } from "@signalbox/core/VisibleText"

/** Base 1000: `999B`, `1.2k`, `1.5M`. */
export const formatBytes = (count: number): string => {
  if (count < 1000) return `${count}B`
  let value = count
  let unit = 0
  // Rounding counts as well: `1.0M` instead of `1000.0k`.
  while (unit < units.length && Number(value.toFixed(1)) >= 1000) {
    value /= 1000
    unit++
  }
  return `${value.toFixed(1)}${units[unit - 1]}`
}
const units = ["k", "M", "G", "T", "P"]

/** `2h` for whole hours, otherwise `90m`. */
export const windowLabel = (minutes: number): string => (minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`)

/** `provider:model`, each at most 64 characters, with `?` for each invisible one. */
export const modelLabel = ({ model, provider }: { readonly provider: string; readonly model: string }): string =>
  `${sanitize(provider)}:${sanitize(model)}`

const maxCharacters = 64

const everyInvisible = new RegExp(invisible, "gu")

const sanitize = (name: string): string => {
  const characters = [...name.replace(everyInvisible, "?")]
  return characters.length > maxCharacters ? `${characters.slice(0, maxCharacters - 1).join("")}…` : characters.join("")
}
