/** The bounds of an entry's values, and the corrections of values beyond them. */

/** In UTF-16 units. A longer provider, model, key, project or error kind is cut and ends with an ellipsis. */
export const maxNameLength = 256
/** The largest count. Sums of thousands of such counts are exact. */
export const maxCount = 1e12
/** The largest cost of one call in US dollars. Sums of thousands of such costs are exact. */
export const maxCost = 1e6

/** Returns the time of an entry, or `now` if it is missing, invalid or in the future. */
export const timeOf = (time: number | undefined, now: number): number =>
  time !== undefined && time >= 0 && time <= now ? Math.abs(Math.floor(time)) : now

/** Returns a whole count from 0 to `maxCount`. */
export const wholeCount = (value: number | undefined): number => {
  if (value === undefined || !(value > 0)) return 0
  if ((value | 0) === value) return value
  return Math.min(Math.round(value), maxCount)
}

/** Returns a cost from 0 to `maxCost`. */
export const boundedCost = (value: number): number => (value > 0 ? Math.min(value, maxCost) : 0)

/** Returns a name of at most `maxNameLength` units. */
export const boundedName = (name: string | undefined): string => {
  if (name === undefined) return ""
  return name.length <= maxNameLength ? name : `${name.slice(0, maxNameLength - 1).toWellFormed()}…`
}
