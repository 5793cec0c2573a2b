/** Numbers and names as short as they go, in hexai's spelling (facts/hexai.md). */

/** Base 1000: `999B`, `1.2k`, `1.5M`. */
export const formatBytes = (count: number): string => {
  if (count < 1000) return `${count}B`
  let value = count
  let unit = 0
  // Also where rounding would make a thousand of it: `1.0M`, not `1000.0k`.
  while (unit < units.length && Number(value.toFixed(1)) >= 1000) {
    value /= 1000
    unit++
  }
  return `${value.toFixed(1)}${units[unit - 1]}`
}
const units = ["k", "M", "G", "T", "P"]

/** `2h` for whole hours, else `90m`. */
export const windowLabel = (minutes: number): string => (minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`)

/** `provider:model`, each at most 64 characters, and nothing in it that moves a cursor or turns the direction of writing. */
export const modelLabel = ({ model, provider }: { readonly provider: string; readonly model: string }): string =>
  `${sanitize(provider)}:${sanitize(model)}`

const maxCharacters = 64

const sanitize = (name: string): string => {
  const characters = [...name.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?")]
  return characters.length > maxCharacters ? `${characters.slice(0, maxCharacters - 1).join("")}…` : characters.join("")
}
